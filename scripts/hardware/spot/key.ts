// The keys of one run, made here: the pair that logs in, and the host key that the instance is given, so that the very first connection knows whom it
// has reached. The host key's private half is in the instance's user data, readable on it and for whoever may describe it; it is worth one hour.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from '../child.ts';
import type { SpotSettings } from './settings.ts';

export interface RunKeys {
  readonly privateKeyFile: string;
  /** Undefined where the key pair is somebody's own. */
  readonly publicKeyFile: string | undefined;
  readonly knownHostsFile: string;
  readonly hostPrivateKey: string;
  readonly hostPublicKey: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Into `folder`, which is this run's own. `alias` is the name by which ssh knows the host. */
export async function createRunKeys(
  folder: string,
  alias: string,
  { key }: Pick<SpotSettings, 'key'>,
  env: Environment,
): Promise<RunKeys> {
  const [hostKey, ownKey] = [join(folder, 'host-key'), join(folder, 'key')];
  await makeKey(hostKey, alias, env);
  if (key === undefined) await makeKey(ownKey, alias, env);
  const hostPublicKey = readFileSync(`${hostKey}.pub`, 'utf8').trim().split(' ').slice(0, 2).join(' ');
  const knownHostsFile = join(folder, 'known-hosts');
  writeFileSync(knownHostsFile, `${alias} ${hostPublicKey}\n`, { mode: 0o600 });
  return {
    privateKeyFile: key?.privateKeyFile ?? ownKey,
    publicKeyFile: key === undefined ? `${ownKey}.pub` : undefined,
    knownHostsFile,
    hostPrivateKey: readFileSync(hostKey, 'utf8'),
    hostPublicKey,
  };
}

async function makeKey(file: string, comment: string, env: Environment): Promise<void> {
  const words = ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', comment, '-f', file];
  const { code, stderr } = await runChild(words, { env, deadlineMs: 10_000 });
  if (code !== 0) throw new Error(`ssh-keygen ended with ${code}: ${stderr.trim()}`);
  chmodSync(file, 0o600);
}

/** cloud-init's: the host key, and an end of its own for an instance that nobody has come back for. */
export function writeUserData({ hostPrivateKey, hostPublicKey }: RunKeys, maxMinutes: number | undefined): string {
  const indented = hostPrivateKey.trimEnd().replaceAll('\n', '\n    ');
  const end = maxMinutes === undefined ? '' : `runcmd:\n  - [shutdown, -h, "+${maxMinutes}"]\n`;
  return `#cloud-config
ssh_deletekeys: true
ssh_keys:
  ed25519_private: |
    ${indented}
  ed25519_public: ${hostPublicKey}
${end}`;
}
