// A simulated enclave with everything that is ours in it: the real PID 1 as process 1 of a namespace, the development program as its
// supervisor, this machine's /usr for services to run from, and a simulated NSM that the test serves. Needs root and a build.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { toCid } from '@caisson/core/address';
import {
  type MeasuredOperators,
  type MeasuredService,
  writeMeasuredImage,
  writeMeasuredInit,
  writeMeasuredOperators,
  writeMeasuredServices,
} from '@caisson/core/measured';
import { createSimulatedAuthority, createSimulatedNsm } from '@caisson/host/simulator';
import { serveNsmSocket } from '@caisson/link/nsm';
import { parseReadyLine, type SeenMessage } from '@caisson/link/ready';
import { createFabricTransport, type Transport } from '@caisson/link/transport';
import { type ImageChanges, measuredImage, measuredService } from '@caisson/testkit/boot';
import { arrangePid1, childrenOf, type Pid1Run, pid1Skip, simulatedWords } from '@caisson/testkit/pid1';

const root = join(import.meta.dirname, '../../..');
const node = join(root, `node_modules/node-linux-${process.arch}/bin/node`);
const program = join(root, 'dist/caisson-enclave-development.mjs');
/** Where the tree stands inside: PID 1 mounts over /tmp and /run, and the tree may lie there. */
const inside = (path: string): string => path.replace(root, '/house');

// As images have them (packages/host/src/build/ramdisk.ts).
const memoryFlags = ['--max-old-space-size=96', '--max-semi-space-size=1'];

export const supervisorSkip =
  pid1Skip || (!existsSync(program) && `${program} is not built`) || (!existsSync(node) && `no ${node}`);

export const service = (name: string, script: string, terms: Partial<MeasuredService> = {}): MeasuredService =>
  measuredService(name, {
    argv: ['/usr/bin/sh', '-c', script],
    restartDelayMs: 20,
    startLimit: { count: 1_000, windowMs: 1_000 },
    readyTimeoutMs: 20_000,
    stopTimeoutMs: 5_000,
    standardOutput: 'log',
    ...terms,
  });

export interface Enclave {
  readonly run: Pid1Run;
  /** performance.now() when process 1 was asked for. */
  readonly startedMs: number;
  /** The parent's side of its wall. */
  readonly parent: Transport;
  /** The folder of its fabric. */
  readonly fabric: string;
  /** PEM of the root that its documents have. */
  readonly rootPem: string;
  /** What came over the ready line, in order. */
  readonly said: readonly SeenMessage[];
  /** Resolves when a message is that. */
  heard(is: (message: SeenMessage) => boolean): Promise<SeenMessage>;
  ready(): Promise<void>;
  /** A path of the enclave as this namespace sees it. */
  inside(path: string): string;
  /** Processes of the enclave whose command line holds `words`, as this namespace numbers them. */
  find(words: string): readonly number[];
  supervisorPid(): number | undefined;
  ask(request: unknown): Promise<unknown>;
  /** The measured services of the next reload. */
  rewrite(services: readonly MeasuredService[]): void;
}

export interface EnclaveTerms {
  /** Of PID 1; default none. */
  readonly words?: readonly string[];
  readonly binds?: Readonly<Record<string, string>>;
  /** Default: no config is expected. */
  readonly config?: ImageChanges['config'];
  /** Who may use the control port; default: there is none. */
  readonly operators?: MeasuredOperators;
  /** Of the whole enclave. Default 120,000. */
  readonly runMs?: number;
}

export async function openEnclave(
  context: TestContext,
  services: readonly MeasuredService[],
  terms: EnclaveTerms = {},
): Promise<Enclave> {
  const nsmFolder = mkdtempSync(join(tmpdir(), 'caisson-nsm-'));
  context.after(() => rmSync(nsmFolder, { recursive: true }));
  const authority = await createSimulatedAuthority();
  const device = createSimulatedNsm({ authority, pcrs: { 0: 'a5'.repeat(48) } });
  const nsm = await serveNsmSocket({ path: join(nsmFolder, 'socket'), device });
  context.after(() => nsm.close());

  const said: SeenMessage[] = [];
  const waiting = new Set<() => void>();
  const supervisor = ['/usr/bin/env', 'LOG_LEVEL=info', inside(node), ...memoryFlags, inside(program), 'supervise'];
  const scene = await arrangePid1(context, {
    supervisor: `${supervisor.join('\n')}\n`,
    env: 'PATH=/usr/bin:/bin\n',
    profile: 'development\n',
    runMs: terms.runMs ?? 120_000,
    binds: {
      '/usr': '/usr',
      '/lib': '/usr/lib',
      '/lib64': '/usr/lib64',
      '/house': root,
      '/nsm': nsmFolder,
      ...terms.binds,
    },
    ready: (socket) =>
      hear(socket, (message) => {
        said.push(message);
        for (const look of waiting) look();
      }),
  });
  const etc = join(scene.folder, 'rootfs/etc/caisson');
  mkdirSync(etc, { recursive: true });
  chmodSync(join(scene.folder, 'fabric'), 0o700);
  mkdirSync(join(scene.folder, 'fabric/16'), { mode: 0o700 });
  const { operators } = terms;
  const components = operators === undefined ? (['ready'] as const) : (['control', 'ready'] as const);
  if (operators !== undefined) writeFileSync(join(etc, 'operators.json'), writeMeasuredOperators(operators));
  const image = measuredImage({ components, healthPort: 5000, config: terms.config ?? { expect: 'none' } });
  writeFileSync(join(etc, 'image.json'), writeMeasuredImage(image));
  const init = {
    logDir: '/log',
    maxLogBytes: 1 << 20,
    maxLogFiles: 5,
    environment: {},
    controlSocket: '/run/init.sock',
  };
  writeFileSync(join(etc, 'init.json'), writeMeasuredInit({ v: 1, ...init }));
  const rewrite = (all: readonly MeasuredService[]): void =>
    writeFileSync(join(etc, 'services.json'), writeMeasuredServices({ v: 1, services: all }));
  rewrite(services);

  process.env['CAISSON_NSM'] = 'unix:/nsm/socket';
  const startedMs = performance.now();
  const run = scene.start([...simulatedWords, ...(terms.words ?? [])]);
  delete process.env['CAISSON_NSM'];
  context.after(async () => {
    run.child.kill('SIGKILL');
    await run.ended;
  });
  const heard = (is: (message: SeenMessage) => boolean): Promise<SeenMessage> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        const found = said.find(is);
        if (found === undefined) return;
        waiting.delete(look);
        resolve(found);
      };
      waiting.add(look);
      look();
      void run.ended.then((text) => reject(new Error(`the enclave has ended; its console:\n${text}`)));
    });
  let relay: Promise<string> | undefined;
  const seen = (path: string): string => `/proc/${run.pid()}/root${path}`;
  return {
    run,
    startedMs,
    fabric: join(scene.folder, 'fabric'),
    parent: createFabricTransport({ directory: join(scene.folder, 'fabric'), localCid: toCid(3) }),
    rootPem: authority.rootPem,
    said,
    heard,
    inside: seen,
    rewrite,
    async ready() {
      await heard((message) => 'phase' in message && message.phase === 'ready');
    },
    find: (words) => childrenOf(run.pid()).filter((pid) => commandOf(pid).includes(words)),
    supervisorPid: () => childrenOf(run.pid()).find((pid) => commandOf(pid).includes('supervise')),
    async ask(request) {
      relay ??= openRelay(context, run.pid(), nsmFolder);
      return await askOnce(await relay, request);
    },
  };
}

/**
 * A way to the control socket from inside: a caller of another PID namespace has no pid there, and the supervisor refuses whom the kernel does
 * not name.
 */
async function openRelay(context: TestContext, pid: number, folder: string): Promise<string> {
  const script = `const net = require('node:net');
    const open = { allowHalfOpen: true };
    net.createServer(open, (from) => {
      const to = net.connect({ path: '/run/init.sock', ...open });
      for (const one of [from, to]) one.on('error', () => { from.destroy(); to.destroy(); });
      from.pipe(to).pipe(from);
    }).listen('/nsm/relay', () => console.log('open'));`;
  const child = spawn('nsenter', ['-t', `${pid}`, '-p', '-m', '-r', inside(node), '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  context.after(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  return join(folder, 'relay');
}

async function askOnce(path: string, request: unknown): Promise<unknown> {
  const socket = connect(path);
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString()));
  socket.end(`${JSON.stringify(request)}\n`);
  await once(socket, 'close');
  return JSON.parse(text);
}

function hear(socket: Socket, tell: (message: SeenMessage) => void): void {
  let text = '';
  let isOpen = false;
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString();
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    for (const line of lines) {
      // The fabric's own first line.
      if (isOpen) tell(parseReadyLine(Buffer.from(line)));
      isOpen = true;
    }
  });
  socket.on('end', () => socket.end());
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ');
  } catch {
    return '';
  }
}

/** Threads and processes of a whole namespace, by the children of each. */
export function allOf(pid: number): readonly number[] {
  const found = [pid];
  for (const one of found) {
    try {
      for (const task of readdirSync(`/proc/${one}/task`)) {
        const text = readFileSync(`/proc/${one}/task/${task}/children`, 'utf8');
        found.push(...text.split(' ').filter(Boolean).map(Number));
      }
    } catch {
      // It ended while it was looked at.
    }
  }
  return found;
}
