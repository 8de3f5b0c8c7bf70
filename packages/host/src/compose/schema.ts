// The form of caisson.yaml: one enclave at the top, or several under `enclaves`. Every key that the house knows is checked here by its
// form, whoever uses it: a slip must be found when the file is read, not when an enclave is up and lacks what it was to have.
import { FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID, NAME_FORM, NAME_RULE } from '@caisson/core/address';
import { isVariableName, parseDuration } from '@caisson/core/config';
import { VERSION_FORM } from '@caisson/core/measured';
import * as z from 'zod';
import { readIngressRule } from './ingress-rule.ts';

// Given: record/spec-form, path_max of Linux.
const mostCpuId = 4_095;
const mostHoldMs = 24 * 3_600_000;
const mostLabelCharacters = 256;
const mostLabelValueCharacters = 4_096;
const mostPathCharacters = 4_095;
// Chosen: 16 TiB, as the command line has it.
const mostMemoryMiB = 16_777_216;

const text = z
  .string()
  .min(1)
  .refine((value) => !value.includes('\0'), { message: 'have no NUL' });
const port = z.int().min(1).max(65_535);
const path = text.max(mostPathCharacters).describe('path, from the folder of this file');
const duration = z
  .string()
  .regex(/^(\d+(\.\d+)?(ms|s|m|h))+$/, { error: 'be a duration such as 500ms, 30s or 5m', abort: true })
  .describe('duration: 500ms, 30s, 5m');
const hold = duration.refine((value) => durationWithin(value, mostHoldMs), { message: 'be at most 24h' });
const name = z.string().regex(NAME_FORM, `be ${NAME_RULE}`);
const pcr = z.string().regex(/^[0-9a-fA-F]{96}$/, 'be 96 hex digits');
const scalar = z.union([z.string(), z.number(), z.boolean()]);
const variable = z.string().refine(isVariableName, { message: 'be letters, digits and _' });
const words = z.array(z.string()).min(1);
/** A regular expression cannot count. */
const isPort = (value: number): boolean => value >= 1 && value <= 65_535;
const endsWithPort = (value: string): boolean => isPort(Number(value.slice(value.lastIndexOf(':') + 1)));
const portRange = { message: 'have ports in 1..65535' };
const hostPort = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,253}:[0-9]{1,5}$/, { error: 'be HOST:PORT', abort: true })
  .refine(endsWithPort, portRange);
const listenAddress = z
  .string()
  .regex(/^([A-Za-z0-9._-]{1,253}|\[[0-9a-fA-F:]+\]):[0-9]{1,5}$/, { error: 'be ADDRESS:PORT', abort: true })
  .refine(endsWithPort, portRange);
const publicKey = text.describe('public key: PEM, the path of a PEM file, or SubjectPublicKeyInfo in base64');

const image = z.strictObject({
  source: path.optional().describe('folder, OCI layout, docker archive or registry reference'),
  eif: path.optional().describe('a built image, instead of a source'),
  pcr0: pcr.optional().describe('what the image at eif must measure'),
  rootfs: z.boolean().optional().describe('the folder is the root file system itself'),
  arch: z.enum(['x86_64', 'aarch64']).optional(),
  init: z
    .enum(['caisson', 'plain'])
    .optional()
    .describe('plain: one command, no supervisor, no readiness, no attestation'),
  kernel: text.optional().describe('aws, caisson, or the path of a file'),
  cmdline: z.string().optional().describe('command line of the kernel'),
  nitro_cli_compat: z.boolean().optional().describe('CMD if it is set, else ENTRYPOINT'),
  exclude: z.array(path).optional().describe('paths of the folder that are left out'),
});

const ingress = z.union([
  z
    .string()
    .regex(/^((([A-Za-z0-9._-]+|\[[0-9a-fA-F:]+\]):)?[0-9]{1,5}:)?[0-9]{1,5}$/, {
      error: 'be [[ADDRESS:]HOSTPORT:]PORT',
      abort: true,
    })
    .refine((value) => {
      const { hostPort: outside, port: inside } = readIngressRule(value);
      return isPort(outside) && isPort(inside);
    }, portRange)
    .describe('[[ADDRESS:]HOSTPORT:]PORT'),
  port,
  z.strictObject({
    listen: listenAddress.describe('address and port on the host'),
    port: port.describe('in the enclave, on 127.0.0.1'),
    vsock_port: port.optional().describe('default: port'),
    hold: hold.optional(),
  }),
]);

const egress = z.union([hostPort, z.strictObject({ host: text.max(253), port })]);

const operators = z.strictObject({
  root_key: publicKey.optional().describe('Ed25519: lists of operators that it signs are taken'),
  local: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}$/,
      'be a name of operator create: letters, digits and _ . @ -, at most 63',
    )
    .optional()
    .describe('key of this machine, made where there is none; may do everything; development only'),
  threshold: z.int().min(1).max(64).optional(),
  list: z
    .array(
      z.strictObject({
        name: text,
        key: publicKey.describe('Ed25519'),
        verbs: z.array(text),
        exec: z.array(words).optional().describe('argv templates that exec may run'),
      }),
    )
    .max(64)
    .optional(),
});

const policy = z.strictObject({
  config: z
    .strictObject({
      expect: z.enum(['none', 'optional', 'required']).optional(),
      timeout: duration.optional(),
      unsigned: z.enum(['accept', 'refuse']).optional(),
      require_signature: z.boolean().optional(),
      minimum_version: z.int().min(0).optional(),
      label: text.optional(),
      keys: z.array(publicKey).max(16).optional().describe('Ed25519 keys that may sign a config'),
      endpoints: z.array(egress).optional().describe('destinations that a config may name'),
      environment: z.array(text).max(256).optional().describe('variables that a config, exec or job may set'),
      schema: z
        .union([path, z.record(z.string(), z.unknown())])
        .optional()
        .describe('JSON Schema, inline or a file'),
    })
    .optional(),
  file_roots: z
    .record(name, z.string().regex(/^\//, 'be an absolute path'))
    .optional()
    .describe('folders of the image that cp may name, by name'),
  last_words: z.enum(['inside', 'sealed']).optional(),
  last_words_key: publicKey.optional().describe('X25519'),
  health_port: z.union([port, z.literal(false)]).optional(),
  attest: z
    .union([path, z.record(z.string(), z.unknown())])
    .optional()
    .describe('what documents must hold (docs/policy.md)'),
});

const readyUrl = z
  .string()
  .regex(/^http:\/\/127\.0\.0\.1:[0-9]{1,5}\/[!-~]*$/, {
    error: 'be a port or http://127.0.0.1:PORT/PATH',
    abort: true,
  })
  .refine((value) => isPort(Number(/:(\d+)\//.exec(value)?.[1])), portRange);
const readyAction = z
  .string()
  .regex(/^(vsock|tcp):[0-9]{1,5}$/, { error: 'be vsock:PORT or tcp:PORT', abort: true })
  .refine(endsWithPort, portRange);

const ready = z.union([
  z.strictObject({ http: z.union([port, readyUrl]), timeout: duration.optional() }),
  z.strictObject({ tcp: port, timeout: duration.optional() }),
  z.strictObject({ action: readyAction, timeout: duration.optional() }),
  z.strictObject({ notify: z.literal(true), timeout: duration.optional() }),
  z.strictObject({ timeout: duration }),
]);

const enclave = z.strictObject({
  version: z
    .union([z.string().regex(VERSION_FORM, 'be 1 to 64 letters, digits, and . _ + -'), z.number()])
    .optional()
    .describe('of the image; a policy may ask for at least some version'),
  image: z.union([path, image]).optional(),
  profile: z.enum(['development', 'production']).optional(),
  cmd: z
    .union([text, words])
    .optional()
    .describe('what the image runs; a text is split at spaces, with quotes, without a shell'),
  env: z.record(variable, scalar).optional(),
  workdir: text.optional(),
  user: text.optional(),
  components: z.array(text).optional(),
  services: z
    .union([path, z.record(z.string(), z.string())])
    .optional()
    .describe('folder of NAME.service files, or their texts by name'),
  init_file: path.optional().describe('init.yaml'),
  operators: operators.optional(),
  policy: policy.optional(),
  ingress: z.array(ingress).max(1_024).optional(),
  egress: z.array(egress).max(191).optional(),
  backend: z.enum(['auto', 'nitro', 'qemu', 'sim']).optional(),
  resources: z
    .strictObject({
      cpus: z.int().min(1).max(1_024).optional(),
      cpu_ids: z.array(z.int().min(0).max(mostCpuId)).min(1).optional(),
      memoryMiB: z.int().min(64).max(mostMemoryMiB).optional(),
    })
    .optional(),
  cid: z.int().min(FIRST_ENCLAVE_CID).max(LAST_ENCLAVE_CID).optional(),
  config: z
    .union([path, z.record(z.string(), z.unknown())])
    .optional()
    .describe('boot config, inline or a file'),
  ready: ready.optional(),
  debug: z.boolean().optional(),
  restart: z.enum(['no', 'always', 'on-failure']).optional(),
  logs: z
    .strictObject({ file: path.optional(), level: z.enum(['error', 'warn', 'info', 'debug', 'trace']).optional() })
    .optional(),
  depends_on: z.array(name).max(256).optional(),
  labels: z
    .record(
      z.string().max(mostLabelCharacters),
      z.union([z.string().max(mostLabelValueCharacters), z.number(), z.boolean()]),
    )
    .optional(),
});

export const composeSchema = z.union([enclave.extend({ name }), z.strictObject({ enclaves: z.record(name, enclave) })]);
export const enclaveSchema = enclave;
export const flatSchema = enclave.extend({ name });
export const manySchema = z.strictObject({ enclaves: z.record(name, enclave) });

/** One enclave as caisson.yaml has it. */
export type EnclaveSpec = z.infer<typeof enclave>;

/** What is no duration has a fault of its own. */
function durationWithin(value: string, mostMs: number): boolean {
  try {
    return parseDuration(value) <= mostMs;
  } catch {
    return false;
  }
}
