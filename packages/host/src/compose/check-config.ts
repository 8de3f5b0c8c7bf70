// The boot config of a caisson.yaml as the enclave will judge it: one JSON object, signed where the image asks for it, its variables and
// destinations among those of the image, argonaut's endpoints in their form, its shape that of the image's schema. A config that is refused
// inside costs a boot; here it costs a line.
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type ConfigFault,
  checkAgainst,
  compileSchema,
  describeJson,
  findEndpointFaults,
  isForbiddenVariable,
  isJsonArray,
  isJsonObject,
  isSignedConfig,
  type JsonObject,
  type JsonValue,
  MAX_CONFIG_BYTES,
  memberPath,
  parseSignedConfig,
  parseStrictJson,
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

// Given: argonaut config v0.1, and the one top-level key that is Caisson's own.
const maxEndpoints = 191;
const ownKey = 'caisson';

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

function judgeContent(bytes: Uint8Array, { config, hasNetwork }: Terms): readonly ConfigFault[] {
  let root: JsonValue;
  try {
    root = parseStrictJson(bytes, { maxBytes: MAX_CONFIG_BYTES });
  } catch (error) {
    if (error instanceof CaissonError) return [whole(error.message)];
    throw error;
  }
  if (!isJsonObject(root)) return [whole(`it must be a JSON object, got ${describeJson(root)}`)];
  return [
    ...findVariableFaults(root.get(ownKey), config.environment),
    ...findDestinationFaults(root, config.endpoints, hasNetwork),
    ...(config.schema === null ? [] : checkAgainst(config.schema, root)),
  ];
}

function findVariableFaults(own: JsonValue | undefined, allowed: readonly string[]): ConfigFault[] {
  if (own === undefined) return [];
  const given = isJsonObject(own) ? own.get('environment') : undefined;
  if (!isJsonObject(own) || own.size > 1 || (own.size === 1 && !isJsonObject(given))) {
    return [{ path: ownKey, message: `${ownKey} must be {"environment": {NAME: TEXT}}, got ${describeJson(own)}` }];
  }
  return [...(isJsonObject(given) ? given : new Map<string, JsonValue>())].flatMap(([name, value]) => {
    const path = memberPath(`${ownKey}.environment`, name);
    if (isForbiddenVariable(name)) return [{ path, message: `${path} is a variable that no config may set` }];
    if (!allowed.includes(name))
      return [{ path, message: `${path} must be one of policy.config.environment (${allowed.join(', ') || 'none'})` }];
    return typeof value === 'string' ? [] : [{ path, message: `${path} must be text, got ${describeJson(value)}` }];
  });
}

/** An application may call something of its own `endpoints`; they are argonaut's where the image lists destinations or runs the network service. */
function findDestinationFaults(
  root: JsonObject,
  allowed: MeasuredConfigTerms['endpoints'],
  hasNetwork: boolean,
): readonly ConfigFault[] {
  const list = root.get('endpoints');
  if (list === undefined || (allowed === null && !hasNetwork)) return [];
  if (!isJsonArray(list) || list.length > maxEndpoints) {
    return [
      { path: 'endpoints', message: `endpoints must be a list of at most ${maxEndpoints}, got ${describeJson(list)}` },
    ];
  }
  const { endpoints, faults } = findEndpointFaults(list, { refuseMetadata: false, warnLoopback: false });
  if (faults.length > 0 || allowed === null) return faults;
  return endpoints.flatMap(({ host, tcpPort }, index) => {
    if (allowed.some((one) => one.host.toLowerCase() === host.toLowerCase() && one.port === tcpPort)) return [];
    const path = `endpoints[${index}]`;
    return [
      {
        path,
        message: `${path} must be one of the ${allowed.length} of policy.config.endpoints, got ${host}:${tcpPort}`,
      },
    ];
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
