// /etc/caisson/operators.json: who may command the enclave (docs/operators.md).

export interface MeasuredOperator {
  readonly name: string;
  /** SHA-256 of the operator's SubjectPublicKeyInfo, hex. */
  readonly spkiSha256: string;
  readonly verbs: readonly string[];
  /** argv templates that `exec` may run; without one, none (a development image needs none). */
  readonly execTemplates: readonly (readonly string[])[];
}

/** A folder that `cp` may name in a production image. */
export interface MeasuredFileRoot {
  readonly name: string;
  /** Absolute. */
  readonly path: string;
}

export interface MeasuredOperators {
  readonly v: 1;
  /** SubjectPublicKeyInfo (DER, base64) of the Ed25519 key whose signed lists count; null: only `operators`. */
  readonly rootKey: string | null;
  readonly threshold: number;
  /** Measured operators, for development and one-owner images. */
  readonly operators: readonly MeasuredOperator[];
  /** Absent: none. Images without any keep the bytes, and so the measurements, that they had before there were file roots. */
  readonly fileRoots?: readonly MeasuredFileRoot[];
}
