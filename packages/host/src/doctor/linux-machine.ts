// This machine. Files are read whole and within a bound, commands are lists of words without a shell, with an end that always comes.
import { accessSync, constants, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { CID_ANY, toVsockPort } from '@caisson/core/address';
import { createLinuxKernel } from '@caisson/sys';
import { runBounded } from '../child/index.ts';
import type { Answer, FileFacts, ListenTarget, Machine } from './machine.ts';

export interface LinuxMachineOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the files looked at; programs come from PATH. Default `/`. */
  readonly root?: string;
}

// Chosen: /proc/cpuinfo of 192 processors has 300 KiB.
const maxFileBytes = 1 << 20;
const maxNames = 8_192;
const commandMs = 5_000;
// Chosen: of a CID that no enclave has before four million others had theirs.
const spareVsockPort = 0x7fff_fffe;

export function openLinuxMachine({ env, root = '/' }: LinuxMachineOptions): Machine {
  const at = (path: string): string => join(root, path);
  const kernel = createLinuxKernel();
  const find = (program: string): string | undefined =>
    program.includes('/')
      ? program
      : (env['PATH'] ?? '')
          .split(delimiter)
          .filter((folder) => folder.startsWith('/'))
          .map((folder) => join(folder, program))
          .find(isProgram);
  return {
    platform: process.platform,
    architecture: process.arch,
    nodeVersion: process.versions.node,
    uid: process.getuid?.() ?? 0,
    gids: [...(process.getgroups?.() ?? []), process.getgid?.() ?? 0],
    userName: nameOf(env),
    env,
    nowMs: Date.now(),
    addonFault: kernel.hasAddon ? null : 'caisson.node was not built for this machine, or cannot be loaded',
    readText: (path) => quiet(() => readBounded(at(path))),
    list: (path) => quiet(() => readdirSync(at(path)).slice(0, maxNames).sort()) ?? [],
    stat: (path) => quiet(() => readFacts(at(path))),
    mayUse: (path) =>
      quiet(() => {
        accessSync(at(path), constants.R_OK | constants.W_OK);
        return true;
      }) ?? false,
    space: (path) =>
      quiet(() => {
        const { bavail, bsize, files, ffree } = statfsSync(at(path));
        return { freeMiB: Math.floor((bavail * bsize) / 2 ** 20), freeFiles: files === 0 ? undefined : ffree };
      }),
    async run(program, words, variables = {}) {
      const path = find(program);
      return path === undefined ? undefined : await ask(path, words, { ...env, ...variables });
    },
    tryListen: (target) => tryListen(target, kernel),
  };
}

function isProgram(path: string): boolean {
  return (
    quiet(() => {
      accessSync(path, constants.X_OK);
      return statSync(path).isFile();
    }) ?? false
  );
}

/** A program that cannot be started has an empty answer without an exit code. */
async function ask(path: string, words: readonly string[], env: LinuxMachineOptions['env']): Promise<Answer> {
  // In one language, because its words are parsed.
  const said = await runBounded(path, words, { env: { ...env, LC_ALL: 'C' }, timeoutMs: commandMs }).catch(() => null);
  if (said === null) return { exitCode: null, stdout: '', stderr: '', isCut: false };
  return {
    exitCode: said.exitCode,
    stdout: said.stdout.toString(),
    stderr: said.stderr,
    isCut: said.cut !== undefined,
  };
}

/** A user of a container may have no entry. */
function nameOf(env: LinuxMachineOptions['env']): string {
  return quiet(() => userInfo().username) ?? env['USER'] ?? String(process.getuid?.() ?? 'this user');
}

/** Files of /proc and /sys say that they have no bytes, so what was read is what counts. A device or a pipe is never opened: it may wait for ever. */
function readBounded(path: string): string | undefined {
  const facts = statSync(path);
  if (!facts.isFile() || facts.size > maxFileBytes) return undefined;
  const text = readFileSync(path, 'utf8');
  return text.length > maxFileBytes ? undefined : text;
}

function readFacts(path: string): FileFacts {
  const facts = statSync(path);
  const { mode, uid, gid, size: bytes } = facts;
  const kind = facts.isFile()
    ? 'file'
    : facts.isDirectory()
      ? 'folder'
      : facts.isCharacterDevice()
        ? 'device'
        : facts.isSocket()
          ? 'socket'
          : 'other';
  return { kind, mode: mode & 0o7777, uid, gid, bytes };
}

async function tryListen(target: ListenTarget, kernel: ReturnType<typeof createLinuxKernel>): Promise<string | null> {
  try {
    if (target.kind === 'vsock') {
      (await kernel.vsockListen({ cid: CID_ANY, port: toVsockPort(spareVsockPort) }, { backlog: 1 })).close();
      return null;
    }
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen({ host: target.address, port: target.port, exclusive: true }, resolve);
    });
    server.close();
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'EUNKNOWN';
  }
}

function quiet<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
