// A key of WebCrypto as both know it: the types of browsers and those of Node name different usages of the same object.

export interface SigningKey {
  readonly type: string;
  readonly extractable: boolean;
  readonly algorithm: { readonly name: string };
  readonly usages: readonly string[];
}
