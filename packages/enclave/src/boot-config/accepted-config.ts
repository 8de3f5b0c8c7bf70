// What came out of phase `config`: the one config of this boot, fixed in PCR16, or the fact that there is none.

export interface AcceptedConfig {
  /** Bytes as they were received, the envelope of a signed config included; PCR16 is over them. null: booted without. */
  readonly received: Uint8Array | null;
  /** Hex of the SHA-384 that went into PCR16: of `received`, or of `caisson/no-config/1`. */
  readonly sha384: string;
  /** The config itself, one JSON object, byte for byte as its author wrote it; null without. */
  readonly config: Uint8Array | null;
  readonly signed: AcceptedSignature | null;
  /** What the config's `caisson.environment` sets, every name allowed by the image. */
  readonly environment: Readonly<Record<string, string>>;
  /** A predecessor of this supervisor took it in this boot. */
  readonly adopted: boolean;
}

export interface AcceptedSignature {
  /** Hex SHA-256 of the signer's SubjectPublicKeyInfo. */
  readonly keySha256: string;
  readonly version: number;
  /** Unix seconds. */
  readonly notAfter: number;
  /** A COSE_Sign1 of the operators' root key, its signature not yet verified; null: none came. */
  readonly operators: Uint8Array | null;
}
