// What AWS gave: numbers of the Nitro Secure Module that no setting changes, each with its source.

// Given: the Linux driver drivers/misc/nsm.c (NSM_REQUEST_MAX_SIZE, NSM_RESPONSE_MAX_SIZE).
/** A longer request is EMSGSIZE before it reaches the hypervisor. */
export const MAX_NSM_REQUEST_BYTES = 0x1000;
/** A longer response would be cut short by the driver without a word. */
export const MAX_NSM_RESPONSE_BYTES = 0x3000;

// Given: aws-nitro-enclaves-nsm-api and its nsm-check.
/** PCR 0..31. */
export const PCR_COUNT = 32;
/** SHA-384, the one digest that hardware reports. */
export const PCR_BYTES = 48;
/** 0..15 are locked when an enclave starts; 16..31 are the enclave's own, zero and unlocked. */
export const FIRST_OWN_PCR = 16;
/** GetRandom gives this many at a time. */
export const NSM_RANDOM_BYTES = 256;

// Given: the attestation document's specification (nsm-api docs/attestation_process.md). Its two chapters disagree (512 and
// 1,024) and hardware enforces neither; 1,024 is the greater of the two.
/** publicKey, nonce and userData each. */
export const MAX_ATTESTATION_FIELD_BYTES = 1024;

// Chosen (docs/wire/nsm.md): what our own protocols put before their CBOR in user_data. No caller of an NSM that we serve gets a document with it,
// so that a relying party may take it for the enclave's own word.
export const RESERVED_USER_DATA: readonly number[] = [0x43, 0x41, 0x49, 0x53, 0x53, 0x4f, 0x4e, 0x00];

/** True for user data that begins `CAISSON` and a zero byte. */
export function isReservedUserData(userData: Uint8Array): boolean {
  return RESERVED_USER_DATA.every((byte, index) => userData[index] === byte);
}
