// Relying party: the verifier of attestation documents.
export {};
