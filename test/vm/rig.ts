// Boots an image as a real enclave on QEMU's nitro-enclave machine: real Linux, /dev/nsm, AF_VSOCK, PCRs measured by code
// that is not ours. The parent's side of the vsock is unix sockets, reached by the hybrid transport. The rig lies beside the
// checkout; where it is not, every test here is skipped and says so.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cid, HEARTBEAT_PORT, toCid } from '@caisson/core/address';
import { createHybridTransport, type Transport } from '@caisson/link/transport';

const root = join(import.meta.dirname, '../..');
const rig = join(root, '../shared/rig');
const built = join(root, `packages/sys/build/linux-${process.arch}`);

/** A file of the rig. */
export function rigFile(path: string): string {
  return join(rig, path);
}

/** For the `skip` of a test: why no enclave can be booted here. */
export const skip = whyNot();

function whyNot(): string | false {
  const missing = [
    [join(rig, 'boot'), 'the rig'],
    [join(built, 'caisson-init'), 'PID 1 (npm run build, with gcc and libc6-dev)'],
    [join(built, 'caisson.node'), 'the addon (npm run build, with gcc)'],
  ].find(([file]) => !existsSync(file!));
  if (missing === undefined) return false;
  const reason = `SKIPPED, NOTHING WAS BOOTED: ${missing[1]} is not at ${missing[0]}`;
  console.error(`vm: ${reason}`);
  return reason;
}

export interface Enclave {
  readonly cid: Cid;
  /** Base path of its vsock, for CAISSON_VSOCK=hybrid:CID=PATH. */
  readonly path: string;
  /** The parent's side of its vsock. */
  readonly parent: Transport;
  /** What its console has said so far. */
  console(): string;
  /** What its virtual machine has used of the processors: its time on a machine that nobody else uses. */
  busyMs(): number;
  /** The code of `caisson-init: exit CODE`, when QEMU has ended; rejects when it ended without one. */
  readonly exit: Promise<number>;
  /** Terminates it and removes its sockets. */
  close(): Promise<void>;
}

// Given by docs/pid1.md.
const heartbeatByte = 0xb7;
// Chosen.
const bootMs = 120_000;
const maxTries = 5;

export interface BootOptions {
  readonly image: string;
  readonly cid: number;
  /** Documents as QEMU makes them: of no algorithm, signed by nobody. */
  readonly unsigned?: boolean;
}

/** Resolves when PID 1's heartbeat was answered; rejects with the console when that takes over two minutes or QEMU ends before. */
export async function bootEnclave(options: BootOptions): Promise<Enclave> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await bootOnce(options);
    } catch (error) {
      // Given by Linux: on a busy machine the emulator got no time while the kernel looked at its timer. Nothing of ours has run yet.
      const isBusy = error instanceof Error && error.message.includes("IO-APIC + timer doesn't work");
      if (!isBusy || tries === maxTries) throw error;
      console.error(`vm: boot ${tries} of ${options.image} met a machine without time for its timer`);
    }
  }
}

async function bootOnce(options: BootOptions): Promise<Enclave> {
  const cid = toCid(options.cid);
  const folder = mkdtempSync(join(tmpdir(), 'caisson-vm-'));
  const path = join(folder, 'v');
  const parent = createHybridTransport({ localCid: toCid(3), peers: new Map([[cid, path]]) });
  let text = '';
  let beat = (): void => {};
  const alive = new Promise<void>((resolve) => {
    beat = resolve;
  });
  const heart = await parent.listen({ cid: toCid(3), port: HEARTBEAT_PORT }, {}, (socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      socket.end(bytes);
      if (bytes.length === 1 && bytes[0] === heartbeatByte) beat();
    });
  });
  const qemu: ChildProcess = spawn(join(rig, 'boot'), [options.image, String(cid), path], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, UNSIGNED: options.unsigned ? '1' : '' },
  });
  for (const stream of [qemu.stdout!, qemu.stderr!]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
  }
  const ended = once(qemu, 'close');
  const exit = ended.then(() => {
    const code = /^caisson-init: exit (\d+)\r?$/m.exec(text)?.[1];
    if (code === undefined) throw new Error(`the enclave ended without an exit code; its console:\n${text}`);
    return Number(code);
  });
  exit.catch(() => {});
  const close = async (): Promise<void> => {
    // The script's own trap ends QEMU and the vsock daemon.
    if (qemu.exitCode === null && qemu.signalCode === null) qemu.kill('SIGTERM');
    await ended;
    await heart.close();
    rmSync(folder, { recursive: true });
  };
  const busyMs = (): number => cpuMsOf(qemu.pid!, 'qemu');
  const enclave: Enclave = { cid, path, parent, console: () => text, busyMs, exit, close };
  try {
    await within(bootMs, 'the heartbeat', Promise.race([alive, exit.then((code) => failBoot(code))]));
    return enclave;
  } catch (error) {
    await close();
    throw new Error(`${error instanceof Error ? error.message : error}; console:\n${text}`);
  }
}

/** `what` must settle within `ms`. */
export async function within<Value>(ms: number, what: string, wait: Promise<Value>): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not happen within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([wait, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Of the children of a process whose name begins so. */
function cpuMsOf(parent: number, name: string): number {
  const children = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').split(' ').filter(Boolean);
  const fields = children.map((pid) => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // Behind the name, proc_pid_stat(5): utime and stime are the 12th and 13th, in hundredths of a second.
  const own = fields.filter((text) => text.includes(`(${name}`)).map((text) => text.split(') ')[1]?.split(' ') ?? []);
  return own.reduce((sum, words) => sum + 10 * (Number(words[11]) + Number(words[12])), 0);
}

function failBoot(code: number): never {
  throw new Error(`the enclave ended with ${code} before its heartbeat`);
}
