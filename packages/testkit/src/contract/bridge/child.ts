// A bridge in a process of its own, for what can only be done to a process: a low limit of descriptors, kill -9.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { type Address, CID_ANY, formatAddress, parseAddress, type VsockPort } from '@caisson/core/address';
import { within } from './stream.ts';
import type { Water } from './water.ts';

export interface BridgeProcess {
  readonly address: Address;
  /** Resolves when it has no living connection. */
  idle(): Promise<void>;
  kill(): Promise<void>;
  end(): Promise<void>;
}

// Chosen: a start on a busy machine.
const startWithinMs = 60_000;

/** With `listenPort` it stands in the enclave and listens on that vsock port; without, on TCP on the parent's side. */
export async function startBridgeProcess(
  water: Water,
  dial: Address,
  options: { readonly descriptors?: number; readonly listenPort?: VsockPort },
): Promise<BridgeProcess> {
  const { descriptors, listenPort } = options;
  const listen: Address =
    listenPort === undefined
      ? { kind: 'tcp', host: '127.0.0.1', port: 0 }
      : { kind: 'vsock', cid: CID_ANY, port: listenPort };
  const program = fileURLToPath(new URL('./child-main.ts', import.meta.url));
  const words = [
    '--conditions=caisson-source',
    program,
    water.options.plane,
    formatAddress(listen),
    formatAddress(dial),
  ];
  const limited = ['-c', `ulimit -n ${descriptors} && exec "$0" "$@"`, process.execPath, ...words];
  const [file, args] = descriptors === undefined ? [process.execPath, words] : ['/bin/sh', limited];
  const { localCid } = listenPort === undefined ? water.transport : water.otherTransport;
  const env = { ...process.env, CAISSON_VSOCK: `fabric:${water.folder}`, CAISSON_CID: `${localCid}` };
  const child = spawn(file, args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async (what: string): Promise<string> => {
    const { value, done } = await within(lines.next(), what, startWithinMs);
    assert.ok(done !== true, `the bridge process ended before ${what}`);
    return value;
  };
  const address = parseAddress(await nextLine('it listens'));
  return {
    address,
    async idle() {
      child.stdin.write('idle\n');
      assert.equal(await nextLine('it is idle'), 'idle');
    },
    kill: () => finish(child, () => child.kill('SIGKILL')),
    end: () => finish(child, () => child.stdin.end()),
  };
}

async function finish(child: ChildProcess, ask: () => void): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  ask();
  await within(exited, 'the bridge process to end', startWithinMs).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
}
