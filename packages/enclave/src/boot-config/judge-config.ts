// Whether received bytes are a config for this image, now (docs/boot-config.md, P-C1): who signed them, for which image, since and until when, and then
// what they say. In the order in which a refusal costs least; the NSM is asked only for what a key of the image has signed.
import { equalBytes, parseBase64, toHex } from '@caisson/core/bytes';
import type { ConfigFault, ConfigTarget, UnverifiedSignedConfig } from '@caisson/core/config';
import { isSignedConfig, parseSignedConfig, verifySignedConfig } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import type { MeasuredImage } from '@caisson/core/measured';
import type { ConfigForm } from '@caisson/link/config';
import type { ReasonCode } from '@caisson/link/ready';
import type { AcceptedSignature } from './accepted-config.ts';
import type { OwnDocument } from './own-document.ts';
import { readContent } from './read-content.ts';

export type Judgement =
  | { readonly ok: true; readonly content: ConfigContent }
  | { readonly ok: false; readonly reason: ReasonCode; readonly faults: readonly ConfigFault[] };

export interface ConfigContent {
  readonly config: Uint8Array;
  readonly signed: AcceptedSignature | null;
  readonly environment: Readonly<Record<string, string>>;
}

export interface JudgeWorld {
  readonly image: MeasuredImage;
  askDocument(): Promise<OwnDocument>;
  readonly findFaults?: ((config: Uint8Array) => readonly ConfigFault[]) | undefined;
}

/** Never rejects for what the bytes say; only with what `askDocument` rejects. */
export async function judgeConfig(bytes: Uint8Array, form: ConfigForm, world: JudgeWorld): Promise<Judgement> {
  const judged = await judgeAlone(bytes, form, world);
  const faults = judged.ok ? (world.findFaults?.(judged.content.config) ?? []) : [];
  return faults.length === 0 ? judged : { ok: false, reason: 'config-endpoint', faults };
}

async function judgeAlone(bytes: Uint8Array, form: ConfigForm, world: JudgeWorld): Promise<Judgement> {
  const { unsigned, requireSignature } = world.image.config;
  // The raw form has no end mark but the JSON itself, so nothing else may come that way.
  if (form === 'framed' && isSignedConfig(bytes)) return await judgeSigned(bytes, world);
  if (requireSignature || unsigned === 'refuse') {
    return refuse('config-signature', 'config must be signed by a key of the image, got one without signature');
  }
  return judgeContent(bytes, null, world.image);
}

/** The bytes of a config that this boot has already taken: its form is read again, its time and its signer are not judged again. */
export function readTakenConfig(bytes: Uint8Array, image: MeasuredImage): Judgement {
  if (!isSignedConfig(bytes)) return judgeContent(bytes, null, image);
  const signed = parseSignedConfig(bytes);
  return judgeContent(signed.config, signatureOf(signed), image);
}

async function judgeSigned(bytes: Uint8Array, { image, askDocument }: JudgeWorld): Promise<Judgement> {
  const { keys, minimumVersion, label } = image.config;
  let signed: UnverifiedSignedConfig;
  try {
    signed = parseSignedConfig(bytes);
    await verifySignedConfig(signed, keys.map(parseBase64));
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    return refuse(error.code === 'CONFIG_SIGNATURE' ? 'config-signature' : 'config-refused', error.message);
  }
  const { version, notAfter, target } = signed;
  if (version < minimumVersion) {
    return refuse('config-version', `signed config version must be at least ${minimumVersion}, got ${version}`);
  }
  const { pcr0, timestampMs } = await askDocument();
  if (!isTargetOf(target, pcr0, label)) {
    return refuse('config-target', `signed config must name this image or its label, got ${describeTarget(target)}`);
  }
  const at = Math.floor(timestampMs / 1_000);
  if (notAfter <= at) {
    return refuse('config-expired', `signed config must be used before ${notAfter}, the nsm says ${at}`);
  }
  return judgeContent(signed.config, signatureOf(signed), image);
}

function judgeContent(config: Uint8Array, signed: AcceptedSignature | null, image: MeasuredImage): Judgement {
  const read = readContent(config, image);
  if ('faults' in read) return { ok: false, ...read };
  return { ok: true, content: { config, signed, environment: read.environment } };
}

function isTargetOf(target: ConfigTarget, pcr0: Uint8Array, label: string | null): boolean {
  if (target.kind === 'label') return label !== null && target.label === label;
  return target.values.some((value) => equalBytes(value, pcr0));
}

function describeTarget(target: ConfigTarget): string {
  return target.kind === 'label'
    ? `label ${JSON.stringify(target.label)}`
    : `${target.values.length} other PCR0 values`;
}

function signatureOf({ keyId, version, notAfter, operators }: UnverifiedSignedConfig): AcceptedSignature {
  return { keySha256: toHex(keyId), version, notAfter, operators };
}

function refuse(reason: ReasonCode, message: string): Judgement {
  return { ok: false, reason, faults: [{ path: '', message }] };
}
