// What both sides agree on: what the document binds, and what an answer says.

export const PURPOSE = 'example-inference/1';

/** A statement is its JSON text as it was sent: what is signed is these bytes, and nothing is written anew to be compared. */
export interface Statement {
  readonly v: 1;
  /** Hex, of the image that answered, by its own document. */
  readonly pcr0: string;
  /** Hex, SHA-384 of the model file. */
  readonly modelSha384: string;
  /** Hex, SHA-384 of the question. */
  readonly requestSha384: string;
  readonly label: string;
  readonly share: number;
}

/** user_data of the document whose public_key signs: the purpose, and the one model that this key answers for. */
export function userDataOf(modelSha384: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${PURPOSE}\0`), modelSha384]);
}

export function signedBytes(statement: string): Buffer {
  return Buffer.from(`${PURPOSE}\0${statement}`);
}
