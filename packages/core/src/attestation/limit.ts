// Bounds of an attestation document, one place for the side that writes and the side that reads.

// Given: AWS's attestation process document ("check content" and its CDDL) and hardware, where they differ hardware.
export const maxPayloadBytes = 16_384;
export const maxCertificateBytes = 1024;
export const maxPublicKeyBytes = 1024;
/** AWS's text says 512 in one place and 1024 in another; documents with 1024 exist. */
export const maxUserDataBytes = 1024;
export const maxNonceBytes = 1024;
export const maxPcrs = 32;
export const pcrBytes = 48;
/** r || s of P-384. */
export const signatureBytes = 96;

// Chosen: the payload at its limit and 512 bytes for everything around it.
export const maxDocumentBytes = maxPayloadBytes + 512;
