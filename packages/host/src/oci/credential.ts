// Name and password for a registry: from the environment for the one host that it names, else from Docker's config file. Credential
// helpers are programs that a file names; they are not run, and a registry that only they know is said to have none.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ParseError } from '@caisson/core/errors';
import * as z from 'zod';
import { homeFolder } from '../file/index.ts';
import type { OciErrorCode } from './error-code.ts';

export interface Credential {
  readonly username: string;
  readonly password: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export interface FoundCredential {
  readonly credential: Credential | undefined;
  /** Advice where there is none, for when the registry asks for one. */
  readonly hint: string;
}

// Chosen.
const maxConfigBytes = 1_048_576;
// Given: the file as Docker writes it.
const entry = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
});
const configForm = z.object({
  auths: z.record(z.string(), entry).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});
const hubKey = 'https://index.docker.io/v1/';

/** `host` as in the reference. Throws ParseError OCI_CREDENTIALS, whose message has nothing of the file in it. */
export async function readCredential(host: string, env: Environment): Promise<FoundCredential> {
  const [username, password] = [env['CAISSON_REGISTRY_USERNAME'], env['CAISSON_REGISTRY_PASSWORD']];
  if (env['CAISSON_REGISTRY'] === host && username !== undefined && password !== undefined) {
    return {
      credential: { username, password },
      hint: 'the registry does not take CAISSON_REGISTRY_USERNAME and _PASSWORD',
    };
  }
  const hint = `log in with docker login ${host}, or set CAISSON_REGISTRY=${host}, CAISSON_REGISTRY_USERNAME and _PASSWORD`;
  const path = join(env['DOCKER_CONFIG'] || join(homeFolder(env), '.docker'), 'config.json');
  const text = await readConfig(path);
  if (text === undefined) return { credential: undefined, hint };
  const config = parseConfig(text, path);
  const keys =
    host === 'docker.io' ? [hubKey, host] : [host, `https://${host}`, `https://${host}/v1/`, `https://${host}/v2/`];
  const found = keys.map((key) => config.auths?.[key]).find((one) => one !== undefined && Object.keys(one).length > 0);
  if (found !== undefined) {
    const credential = credentialOf(found, path);
    return credential === undefined
      ? { credential, hint: `${path} has an identity token for ${host}, which is not used here; ${hint}` }
      : { credential, hint: `the registry does not take the name and password of ${path}` };
  }
  const helper = config.credHelpers?.[host] ?? config.credsStore;
  return {
    credential: undefined,
    hint:
      helper === undefined
        ? hint
        : `${path} leaves ${host} to the helper ${helper}, which is not run; set CAISSON_REGISTRY…`,
  };
}

async function readConfig(path: string): Promise<string | undefined> {
  try {
    const { size } = await stat(path);
    if (size > maxConfigBytes) throw fault(path, `have at most ${maxConfigBytes} bytes, got ${size}`);
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    if (error instanceof ParseError) throw error;
    throw fault(path, `be readable, got ${code}`);
  }
}

function parseConfig(text: string, path: string): z.infer<typeof configForm> {
  try {
    return configForm.parse(JSON.parse(text));
  } catch {
    // Without the cause: the reader's message would have a piece of the file in it.
    throw fault(path, "be Docker's JSON");
  }
}

function credentialOf(found: z.infer<typeof entry>, path: string): Credential | undefined {
  if (found.username !== undefined && found.password !== undefined)
    return { username: found.username, password: found.password };
  if (!found.auth) return undefined;
  const plain = Buffer.from(found.auth, 'base64').toString('utf8');
  const colon = plain.indexOf(':');
  if (colon < 1) throw fault(path, 'have name and password in auth');
  const password = plain.slice(colon + 1).replace(/\0+$/, '');
  // With an identity token Docker leaves the password empty.
  return password === '' ? undefined : { username: plain.slice(0, colon), password };
}

function fault(path: string, must: string): ParseError<OciErrorCode> {
  return new ParseError('OCI_CREDENTIALS', `registry credentials in ${path} must ${must}`);
}
