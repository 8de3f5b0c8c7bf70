// The boot config that a caisson.yaml names, as bytes, beside what its image says of configs: of a source what the builder will measure, of an image
// file what it has measured.
import { resolve } from 'node:path';
import { compileSchema, MAX_CONFIG_BYTES } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import type { MeasuredConfigTerms } from '@caisson/core/measured';
import { measureOpenImage, openImageFile, readMeasuredFiles } from '../image/index.ts';
import { readBuildSettings } from './build-settings.ts';
import { readBytes } from './read-text.ts';
import type { EnclaveSpec } from './schema.ts';

export interface ConfigTerms {
  readonly config: MeasuredConfigTerms;
  readonly hasNetwork: boolean;
}

export interface NamedConfig {
  readonly bytes: Uint8Array;
  /** Null: the image is of another builder, and takes what it will. */
  readonly terms: ConfigTerms | null;
  /** For messages: `config`, or `config FILE`. */
  readonly place: string;
  /** What it calls `endpoints` are ways out, whatever else it is. */
  readonly takesEndpoints: boolean;
}

/** Undefined: there is none, or config or image cannot be read, which are faults of their own. */
export async function readNamedConfig(spec: EnclaveSpec, folder: string): Promise<NamedConfig | undefined> {
  const { config } = spec;
  if (config === undefined) return undefined;
  try {
    const bytes =
      typeof config === 'string'
        ? await readBytes(resolve(folder, config), 'config', MAX_CONFIG_BYTES)
        : Buffer.from(JSON.stringify(config));
    const terms = await termsOf(spec, folder);
    return {
      bytes,
      terms,
      place: typeof config === 'string' ? `config ${config}` : 'config',
      takesEndpoints: terms !== null && (terms.hasNetwork || terms.config.endpoints !== null),
    };
  } catch (error) {
    if (error instanceof CaissonError || (error as NodeJS.ErrnoException).code !== undefined) return undefined;
    throw error;
  }
}

async function termsOf(spec: EnclaveSpec, folder: string): Promise<ConfigTerms | null> {
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

async function termsOfImage(path: string): Promise<ConfigTerms | null> {
  const file = await openImageFile(path);
  try {
    const { survey } = await measureOpenImage(file);
    const { image } = await readMeasuredFiles(file, survey.sections);
    return image === undefined ? null : { config: image.config, hasNetwork: image.components.includes('network') };
  } finally {
    await file.close();
  }
}
