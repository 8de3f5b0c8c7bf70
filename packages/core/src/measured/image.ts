// /etc/caisson/image.json: what the builder checked and measured about the image as a whole. It is the enclave's own word on
// what the parent may and may not decide at boot.

import type { RuleTable } from '../config/index.ts';

export type ImageProfile = 'development' | 'production';

/** Named parts of an image; a component that does not exist yet is refused by the builder, by name. */
export type ImageComponent = 'control' | 'ready' | 'network';

/** A port of the enclave that the host may forward to: `vsockPort` (1..65535) to `127.0.0.1:targetPort` inside. */
export interface MeasuredIngress {
  readonly vsockPort: number;
  readonly targetPort: number;
}

/** A destination that the enclave may reach; index n in the list is hostPort(cid, 16 + n) (docs/wire/addresses.md). */
export interface MeasuredEgress {
  readonly host: string;
  readonly port: number;
}

/** What a boot config must be to be taken (docs/boot-config.md). */
export interface MeasuredConfigTerms {
  /** `none`: the phase ends at once with no config. `optional`: waits `timeoutMs`, then goes on without. */
  readonly expect: 'none' | 'optional' | 'required';
  readonly timeoutMs: number;
  readonly unsigned: 'accept' | 'refuse';
  /** Signed configs only, and only framed: 7778 opens, 7777 does not. */
  readonly requireSignature: boolean;
  readonly minimumVersion: number;
  /** Text that a signed config's target may name instead of a PCR0. */
  readonly label: string | null;
  /** SubjectPublicKeyInfo (DER, base64) of the Ed25519 keys that may sign. */
  readonly keys: readonly string[];
  /** Destinations that a config's endpoints may name; null: whatever the config says. */
  readonly endpoints: readonly MeasuredEgress[] | null;
  /** Names of variables that a config, exec or job may set. */
  readonly environment: readonly string[];
  /** What `compileSchema` of core/config gave; null: any JSON object. */
  readonly schema: RuleTable | null;
}

export interface MeasuredImage {
  readonly v: 1;
  readonly name: string;
  readonly version: string;
  readonly profile: ImageProfile;
  readonly components: readonly ImageComponent[];
  readonly ingress: readonly MeasuredIngress[];
  readonly egress: readonly MeasuredEgress[];
  readonly config: MeasuredConfigTerms;
  /** `sealed` needs `lastWordsKey`: the SPKI (DER, base64) of an X25519 key of the operator. */
  readonly lastWords: 'inside' | 'sealed';
  readonly lastWordsKey: string | null;
  /** Default 5000; null: no health port. */
  readonly healthPort: number | null;
}
