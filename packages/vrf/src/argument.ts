// What JavaScript callers without types hand in by mistake. Hex text where bytes belong would otherwise hash as another message.

/** Throws TypeError. */
export function requireBytes(name: string, value: unknown): asserts value is Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError(`${name} must be a Uint8Array, got ${typeof value}`);
}
