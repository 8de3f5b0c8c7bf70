// A manifest that somebody handed over. Its settings are about to decide what is built here, so that they are taken by their exact form only;
// of the rest what a comparison needs.
import { ParseError } from '@caisson/core/errors';
import * as z from 'zod';
import type { BuildErrorCode } from './error-code.ts';
import type { Manifest } from './manifest.ts';

const hex96 = z.string().regex(/^[0-9a-f]{96}$/);
const hex64 = z.string().regex(/^[0-9a-f]{64}$/);
const count = z.int().min(0);
const texts = z.array(z.string());
const ports = z.array(z.strictObject({ host: z.string(), port: z.int().min(1).max(65_535) }));

const settings = z.strictObject({
  name: z.string(),
  version: z.string(),
  architecture: z.enum(['x86_64', 'aarch64']),
  profile: z.enum(['development', 'production']),
  rootfs: z.boolean(),
  init: z.enum(['caisson', 'plain']),
  command: texts.nullable(),
  environment: z.record(z.string(), z.string()),
  workingDirectory: z.string().nullable(),
  user: z.string().nullable(),
  nitroCliCompat: z.boolean(),
  components: z.array(z.enum(['control', 'ready', 'network'])).nullable(),
  kernel: z.enum(['aws', 'caisson', 'file']),
  cmdline: z.string().nullable(),
  exclude: texts,
  ingress: z.array(z.strictObject({ vsockPort: count, targetPort: count })),
  egress: ports,
  config: z.strictObject({
    expect: z.enum(['none', 'optional', 'required']),
    timeoutMs: count,
    unsigned: z.enum(['accept', 'refuse']),
    requireSignature: z.boolean(),
    minimumVersion: count,
    label: z.string().nullable(),
    keys: texts,
    endpoints: ports.nullable(),
    environment: texts,
    schema: z.unknown(),
  }),
  lastWords: z.enum(['inside', 'sealed']),
  lastWordsKey: z.string().nullable(),
  healthPort: count.nullable(),
  operators: z.strictObject({
    v: z.literal(1),
    rootKey: z.string().nullable(),
    threshold: count,
    operators: z.array(
      z.strictObject({ name: z.string(), spkiSha256: hex64, verbs: texts, execTemplates: z.array(texts) }),
    ),
    // Absent where there are none, as in the measured file.
    fileRoots: z.array(z.strictObject({ name: z.string(), path: z.string() })).exactOptional(),
  }),
  services: z.record(z.string(), z.string()),
  initYaml: z.string().nullable(),
  // Absent in manifests of builders that had none.
  ready: z
    .strictObject({
      readiness: z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('notify') }),
        z.strictObject({ kind: z.literal('port'), port: count }),
        z.strictObject({ kind: z.literal('http'), port: count, path: z.string() }),
        z.strictObject({ kind: z.literal('action'), transport: z.enum(['vsock', 'tcp']), port: count }),
      ]),
      timeoutMs: count.nullable(),
    })
    .nullable()
    .default(null),
  customMetadata: z.unknown().default(null),
  sourceDateEpoch: count,
});

const manifest = z.strictObject({
  v: z.literal(1),
  builder: z.strictObject({ name: z.literal('caisson'), version: z.string() }),
  toolchain: z.enum(['ledger', 'local']),
  measurements: z.strictObject({ PCR0: hex96, PCR1: hex96, PCR2: hex96, PCR8: hex96.optional() }),
  signed: z.boolean(),
  size: count,
  sections: z.array(z.strictObject({ kind: z.string(), size: count, sha384: hex96 })).max(32),
  cmdline: z.string(),
  command: texts,
  components: texts,
  source: z.strictObject({ kind: z.string(), commit: z.string().nullable(), dirty: z.boolean().nullable() }),
  settings,
  inputs: z.array(
    z.strictObject({
      name: z.string(),
      origin: z.enum(['ledger', 'local', 'given', 'source']),
      size: count,
      digest: z.string().regex(/^sha(256:[0-9a-f]{64}|384:[0-9a-f]{96})$/),
    }),
  ),
  files: z
    .array(
      z.strictObject({
        ramdisk: count,
        path: z.string(),
        kind: z.enum(['file', 'directory', 'symlink', 'character', 'block', 'fifo']),
        mode: z.string().regex(/^[0-7]{4}$/),
        uid: count,
        gid: count,
        size: count,
        origin: z.string(),
        sha256: hex64.optional(),
        sha384: hex96.optional(),
        target: z.string().optional(),
        device: z.string().optional(),
      }),
    )
    .max(1_100_000),
});

// Chosen: a million files of two hundred characters each, and as much again for their names.
export const MAX_MANIFEST_BYTES = 536_870_912;

/** `file` names the text in messages. Throws ParseError BUILD_MANIFEST. */
export function parseManifest(text: string, file: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fault(`manifest ${file} must be JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
  const { success, data, error } = manifest.safeParse(value);
  if (success) return data as Manifest;
  const [first] = error.issues;
  throw fault(`manifest ${file}: ${first?.path.join('.') || 'the document'} does not fit: ${first?.message}`);
}

function fault(message: string): ParseError<BuildErrorCode> {
  return new ParseError('BUILD_MANIFEST', message, {
    hint: 'app.eif.json of caisson build is one (docs/wire/manifest.md)',
  });
}
