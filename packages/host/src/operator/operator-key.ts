// Operator keys on disk: Ed25519, PKCS#8 in PEM, mode 0600, under a passphrase where one is given. The private key is in no message and in no
// other file.
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { constants } from 'node:fs';
import { link, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { type ControlIdentity, createControlIdentity } from '@caisson/link/control';
import { sweepTemporaries, syncFolder, temporaryBeside } from '../file/index.ts';
import type { OperatorErrorCode } from './error-code.ts';
import { checkOperatorName, ensureOwnFolder, operatorFolder } from './folder.ts';

type Environment = Readonly<Record<string, string | undefined>>;

export interface OperatorPublic {
  readonly name: string;
  readonly path: string;
  /** Hex. */
  readonly spkiSha256: string;
  /** As caisson.yaml, measured files and lists take it. */
  readonly spkiBase64: string;
  readonly publicPem: string;
}

/** Chosen: what `caisson init` and rbuilds call the key of a development image. One for all of them: it is the machine's. */
export const DEVELOPMENT_OPERATOR = 'dev';

// Chosen: an encrypted PKCS#8 of Ed25519 has some 400 characters.
const maxKeyFileBytes = 16_384;
const othersMode = 0o077;

function operatorKeyPath(env: Environment, name: string): string {
  return join(operatorFolder(env), 'operators', `${checkOperatorName(name)}.key`);
}

/** Throws CaissonError OPERATOR_EXISTS: no key is ever replaced, since somebody's list may name it. */
export async function createOperator(name: string, env: Environment, passphrase?: string): Promise<OperatorPublic> {
  const path = operatorKeyPath(env, name);
  await ensureOwnFolder(operatorFolder(env));
  const folder = join(operatorFolder(env), 'operators');
  await ensureOwnFolder(folder);
  const { privateKey } = generateKeyPairSync('ed25519');
  const pem = privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    ...(passphrase !== undefined && { cipher: 'aes-256-cbc', passphrase }),
  });
  await sweepTemporaries(folder);
  // Written completely before it gets its name, because another process that wants the same key may read it at once.
  const temporary = temporaryBeside(path);
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
  const file = await open(temporary, flags, 0o600);
  try {
    await file.writeFile(pem);
    await file.sync();
    // Unlike rename(2), link(2) never replaces a file that is there.
    await link(temporary, path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new CaissonError<OperatorErrorCode>('OPERATOR_EXISTS', `operator ${name} has a key already: ${path}`, {
      hint: 'choose another name, or remove the file once no list and no image names its key',
    });
  } finally {
    await file.close();
    await rm(temporary, { force: true });
  }
  await syncFolder(folder);
  return publicOf(name, path, privateKey);
}

/** The existing key, or a new one. Throws as `createOperator` and `readOperatorKey` do. */
export async function ensureOperator(
  name: string,
  env: Environment,
  passphrase?: string,
): Promise<OperatorPublic & { readonly isNew: boolean }> {
  const isThere = (await listOperators(env)).some((one) => one.name === checkOperatorName(name));
  if (!isThere) {
    try {
      return { ...(await createOperator(name, env, passphrase)), isNew: true };
    } catch (error) {
      // Another process has just created it.
      if (!(error instanceof CaissonError && error.code === ('OPERATOR_EXISTS' satisfies OperatorErrorCode)))
        throw error;
    }
  }
  return { ...(await showOperator(name, env, passphrase)), isNew: false };
}

/** `nameOrPath`: with a slash it is a path. Throws CaissonError OPERATOR_KEY_FILE, ParseError OPERATOR_NAME. */
export async function readOperatorKey(
  nameOrPath: string,
  env: Environment,
  passphrase?: string,
): Promise<ControlIdentity> {
  return createControlIdentity(await readPrivateKey(pathOf(nameOrPath, env), passphrase));
}

/** The public half. Throws as `readOperatorKey` does. */
export async function showOperator(nameOrPath: string, env: Environment, passphrase?: string): Promise<OperatorPublic> {
  const path = pathOf(nameOrPath, env);
  return publicOf(nameOrPath, path, await readPrivateKey(path, passphrase));
}

/** Names in order; empty where none was made. */
export async function listOperators(
  env: Environment,
): Promise<readonly { readonly name: string; readonly path: string }[]> {
  const folder = join(operatorFolder(env), 'operators');
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names
    .filter((name) => name.endsWith('.key') && !name.startsWith('.'))
    .sort()
    .map((file) => ({ name: file.slice(0, -'.key'.length), path: join(folder, file) }));
}

function pathOf(nameOrPath: string, env: Environment): string {
  return nameOrPath.includes('/') ? nameOrPath : operatorKeyPath(env, nameOrPath);
}

async function readPrivateKey(path: string, passphrase: string | undefined): Promise<KeyObject> {
  const pem = await readKeyFile(path);
  try {
    const isLocked = pem.includes('ENCRYPTED');
    if (isLocked && passphrase === undefined) {
      throw fault(path, 'is under a passphrase', { hint: 'give it in CAISSON_KEY_PASSPHRASE' });
    }
    let key: KeyObject;
    try {
      key = createPrivateKey({ key: pem, format: 'pem', ...(passphrase !== undefined && { passphrase }) });
    } catch (cause) {
      throw fault(path, isLocked ? 'does not open with this passphrase' : 'must be a private key in PEM', { cause });
    }
    if (key.asymmetricKeyType === 'ed25519') return key;
    throw fault(path, `must be an Ed25519 key, got ${key.asymmetricKeyType}`, {});
  } finally {
    pem.fill(0);
  }
}

async function readKeyFile(path: string): Promise<Buffer> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    const hint =
      cause.code === 'ENOENT' ? { hint: 'caisson operator list shows the keys; operator create makes one' } : {};
    throw fault(path, `cannot be read: ${cause.code ?? cause.message}`, { cause, ...hint });
  });
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw fault(path, 'must be a regular file', {});
    if ((stat.mode & othersMode) !== 0) {
      const got = (stat.mode & 0o777).toString(8).padStart(4, '0');
      throw fault(path, `must be readable by its owner alone, got mode ${got}`, { hint: `chmod 600 ${path}` });
    }
    if (stat.size > maxKeyFileBytes)
      throw fault(path, `must have at most ${maxKeyFileBytes} bytes, got ${stat.size}`, {});
    return await file.readFile();
  } finally {
    await file.close();
  }
}

async function publicOf(name: string, path: string, privateKey: KeyObject): Promise<OperatorPublic> {
  const { spki, spkiSha256 } = await createControlIdentity(privateKey);
  const publicPem = createPublicKey(privateKey).export({ type: 'spki', format: 'pem' }) as string;
  return { name, path, spkiSha256, spkiBase64: Buffer.from(spki).toString('base64'), publicPem };
}

function fault(path: string, rule: string, options: { readonly cause?: unknown; readonly hint?: string }) {
  return new CaissonError<OperatorErrorCode>('OPERATOR_KEY_FILE', `operator key ${path} ${rule}`, options);
}
