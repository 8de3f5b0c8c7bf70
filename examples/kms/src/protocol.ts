// What the service, its client and whoever encrypts agree on.

export interface MacRequest {
  /** Base64, as KMS gave it. */
  readonly ciphertext: string;
  readonly message: string;
}

/** Without it a ciphertext of the same key, made for another purpose, would be decrypted here. */
export const encryptionContext = { purpose: 'example-kms/1' };
