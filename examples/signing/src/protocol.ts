// What both sides agree on.

/** user_data of the document with the key: says what the key is for, so that a document made for another purpose is refused. */
export const PURPOSE = 'example-signing/1';

/** What is signed: never the bytes of a stranger alone, or a signature could be used where those bytes mean something else. */
export function messageOf(body: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${PURPOSE}\0`), body]);
}
