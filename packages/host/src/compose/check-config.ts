// The boot config of a caisson.yaml as the enclave will judge it: one JSON object, signed where the image asks for it, its variables and
// destinations among those of the image, argonaut's endpoints in their form, its shape that of the image's schema. A config that is refused
// inside costs a boot; here it costs a line.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type ConfigFault,
  compileSchema,
  isSignedConfig,
  parseSignedConfig,
  readConfigContent,
} from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import type { MeasuredConfigTerms } from '@caisson/core/measured';
import { measureOpenImage, openImageFile, readMeasuredFiles } from '../image/index.ts';
import { readBuildSettings } from './build-settings.ts';
import type { ComposeIssue } from './issue-text.ts';
import type { EnclaveSpec } from './schema.ts';

interface Terms {
  readonly config: MeasuredConfigTerms;
  readonly hasNetwork: boolean;
}

/** Paths from the enclave's own map. None where the config or the image cannot be read, which are faults of their own. */
export async function findConfigIssues(spec: EnclaveSpec, folder: string, nowMs: number): Promise<ComposeIssue[]> {
  const { config } = spec;
  if (config === undefined) return [];
  const read = await quietly(async () => ({
    terms: await termsOf(spec, folder),
    bytes: await bytesOf(config, folder),
  }));
  if (read?.terms == null) return [];
  const place = typeof config === 'string' ? `config ${config}` : 'config';
  return judge(read.bytes, read.terms, nowMs).map((fault) => ({
    path: typeof config === 'string' ? ['config'] : ['config', ...keysOf(fault.path)],
    message: `${place}: ${fault.message}`,
  }));
}

async function bytesOf(config: NonNullable<EnclaveSpec['config']>, folder: string): Promise<Uint8Array> {
  if (typeof config !== 'string') return Buffer.from(JSON.stringify(config));
  return await readFile(resolve(folder, config));
}

/** Null: the image is of another builder, and takes what it will. */
async function termsOf(spec: EnclaveSpec, folder: string): Promise<Terms | null> {
  const image = typeof spec.image === 'string' ? {} : (spec.image ?? {});
  if (image.eif !== undefined) return await termsOfImage(resolve(folder, image.eif));
  if (image.init === 'plain') return null;
  const { profile, policy, config, components, ingress = [], egress = [] } = spec;
  const asked = { ...(profile && { profile }), ...(policy?.config && { policy: { config: policy.config } }), config };
  const { settings } = await readBuildSettings(undefined, asked, folder, { architecture: 'x86_64', env: {} });
  const { schema } = settings.config;
  return {
    config: { ...settings.config, schema: schema === null ? null : compileSchema(schema) },
    hasNetwork: components?.includes('network') ?? ingress.length + egress.length > 0,
  };
}

async function termsOfImage(path: string): Promise<Terms | null> {
  const file = await openImageFile(path);
  try {
    const { survey } = await measureOpenImage(file);
    const { image } = await readMeasuredFiles(file, survey.sections);
    return image === undefined ? null : { config: image.config, hasNetwork: image.components.includes('network') };
  } finally {
    await file.close();
  }
}

function judge(bytes: Uint8Array, terms: Terms, nowMs: number): readonly ConfigFault[] {
  const { unsigned, requireSignature } = terms.config;
  if (isSignedConfig(bytes)) return judgeSigned(bytes, terms, nowMs);
  if (unsigned === 'accept' && !requireSignature) return judgeContent(bytes, terms);
  const rule = requireSignature
    ? 'policy.config.require_signature asks for it'
    : 'policy.config.unsigned is refuse, as it is unless the image is a development image';
  return [whole(`it must be signed for this image (caisson config sign), got an unsigned one; ${rule}`)];
}

/** Whether the signature holds is the enclave's to say: what is asked here is whether the content can be taken at all. */
function judgeSigned(bytes: Uint8Array, terms: Terms, nowMs: number): readonly ConfigFault[] {
  try {
    const { version, notAfter, config } = parseSignedConfig(bytes);
    const { minimumVersion } = terms.config;
    const faults: ConfigFault[] = [];
    if (version < minimumVersion) faults.push(whole(`its version must be at least ${minimumVersion}, got ${version}`));
    if (notAfter * 1_000 <= nowMs)
      faults.push(whole(`it must still hold, got one that held until ${new Date(notAfter * 1_000).toISOString()}`));
    return [...faults, ...judgeContent(config, terms)];
  } catch (error) {
    if (error instanceof CaissonError) return [whole(error.message)];
    throw error;
  }
}

/** As the enclave will judge it, with the key of caisson.yaml that has the list. */
function judgeContent(bytes: Uint8Array, { config, hasNetwork }: Terms): readonly ConfigFault[] {
  const read = readConfigContent(bytes, { ...config, hasNetwork });
  if ('environment' in read) return [];
  return read.faults.map(({ rule, path, message }) => {
    if (rule === 'variable')
      return { path, message: `${message}; policy.config.environment is ${config.environment.join(', ') || 'empty'}` };
    return rule === 'destination'
      ? { path, message: `${message}; they are those of policy.config.endpoints` }
      : { path, message };
  });
}

function whole(message: string): ConfigFault {
  return { path: '', message };
}

/** `endpoints[3].host` as keys of the YAML. */
function keysOf(path: string): PropertyKey[] {
  return [...path.matchAll(/\[(\d+)\]|([^.[\]]+)/g)].map(([, index, key]) =>
    index === undefined ? key! : Number(index),
  );
}

async function quietly<Value>(read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof CaissonError || (error as NodeJS.ErrnoException).code !== undefined) return undefined;
    throw error;
  }
}
