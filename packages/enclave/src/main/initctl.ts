// `initctl` inside the enclave: the reference's tool for the supervisor's socket. Its config file is JSON here, because no reader of YAML
// stands in an enclave; flags and environment are the same.
import { createWriteStream, existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { isJsonObject, JsonNumber, parseStrictJson } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import { readBoundedFile } from '@caisson/link/argonaut';
import { openInitClient } from '@caisson/link/init';
import {
  checkInitctlConfig,
  chooseSocket,
  type InitctlConfig,
  type InitctlPlan,
  type InitctlValues,
  initctlUsage,
  MAX_INITCTL_CONFIG_BYTES,
  parseInitctlWords,
  runInitctl,
} from '@caisson/link/init/initctl';

type Environment = Readonly<Record<string, string | undefined>>;

export interface InitctlProcess {
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Environment;
  readonly stop: AbortSignal;
  /** Of a wrong command line. Default 64, sysexits.h EX_USAGE; under its own name 2, as its users know. */
  readonly usageExit?: number;
}

// Given.
const defaultConfig = '/etc/initctl.json';

/** The exit code: 0, 1 refused or broken, that of usage, 130 or 143 stopped by a signal. */
export async function runInitctlVerb(words: readonly string[], world: InitctlProcess): Promise<number> {
  try {
    const { plan, values, json } = parseInitctlWords(words);
    const config = await readJsonConfig(values, world.env);
    return await controlSupervisor({ plan, values, json, config }, world);
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    world.stderr.write(`initctl: ${error.message}\n`);
    if (error.code !== 'INITCTL_USAGE') return 1;
    world.stderr.write(initctlUsage());
    return world.usageExit ?? 64;
  }
}

/** The same with words that somebody else has read. Rejects INITCTL_PROTOCOL before anything is dialled. */
export async function controlSupervisor(
  asked: {
    readonly plan: InitctlPlan;
    readonly values: InitctlValues;
    readonly json: boolean;
    readonly config: InitctlConfig;
  },
  { stdout, stderr, env, stop }: InitctlProcess,
): Promise<number> {
  const path = chooseSocket(asked.values, env, asked.config);
  return runInitctl(asked.plan, {
    stdout,
    stderr,
    stop,
    json: asked.json,
    connect: () => openInitClient(path),
    openOutput: (file) => createWriteStream(file, { flags: 'a', mode: 0o600 }),
  });
}

async function readJsonConfig(values: InitctlValues, env: Environment): Promise<InitctlConfig> {
  const named = values['config'] ?? env['INITCTL_CONFIG'];
  if (named === undefined && !existsSync(defaultConfig)) return {};
  const file = String(named ?? defaultConfig);
  const bytes = await readBoundedFile(file, { maxBytes: MAX_INITCTL_CONFIG_BYTES, what: `config ${file}` });
  const value = parseStrictJson(bytes, { maxBytes: MAX_INITCTL_CONFIG_BYTES, maxDepth: 2 });
  if (!isJsonObject(value)) return checkInitctlConfig([], file);
  const members = [...value].map(([key, one]) => [key, one instanceof JsonNumber ? one.unsigned : one]);
  return checkInitctlConfig(Object.fromEntries(members), file);
}
