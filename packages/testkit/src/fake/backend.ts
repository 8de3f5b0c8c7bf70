// A backend whose enclaves are a script: a fabric between them and this process, and whatever the test has them say and do.
import { chmodSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { CID_ANY, CID_PARENT, type Cid, toCid, toVsockPort } from '@caisson/core/address';
import {
  type Backend,
  BootError,
  ConsoleRing,
  type DocumentOrigin,
  type EnclaveEnd,
  type EnclaveSpec,
  type RunningEnclave,
} from '@caisson/host/backend';
import { createReadyReporter, type OpenReadyReporter } from '@caisson/link/ready';
import { createFabricTransport, type Transport } from '@caisson/link/transport';

/** The inside of one boot. */
export interface FakeEnclave {
  readonly spec: EnclaveSpec;
  readonly cid: Cid;
  /** Counts from 1. */
  readonly boot: number;
  readonly transport: Transport;
  /** Its ready line, dialled when it is first used. */
  readonly reporter: OpenReadyReporter;
  /** Resolves when its host asks it to end. */
  readonly asked: Promise<void>;
  beat(): void;
  print(text: string): void;
  /** Echoes whatever comes. */
  echo(port: number): Promise<void>;
  exit(code: number): void;
  die(): void;
}

export interface FakeBackendOptions {
  /** Short, because sockets lie in it. */
  readonly folder: string;
  /** From the first instruction on. Default: a heartbeat, ready, and 0 when it is asked to end. */
  readonly live?: (enclave: FakeEnclave) => void | Promise<void>;
  /** Throws what a start shall fail with. */
  readonly refuse?: () => void;
  /** Throws what a start shall fail with that is given up. */
  readonly refuseStart?: () => void;
  /** Throws what its end shall fail with. */
  readonly refuseEnd?: () => void;
  /** Default: nobody signs them. */
  readonly documents?: DocumentOrigin;
}

export interface FakeBackend extends Backend {
  /** Those that run. */
  readonly running: readonly FakeEnclave[];
  /** How many were started. */
  readonly boots: number;
}

const bootIdDigits = 32;

export function isReady({ beat, reporter, asked, exit }: FakeEnclave): void {
  beat();
  reporter.report('ready', []);
  void asked.then(() => exit(0));
}

export function createFakeBackend({
  folder,
  live = isReady,
  refuse,
  refuseStart,
  refuseEnd,
  documents = { kind: 'unsigned' },
}: FakeBackendOptions): FakeBackend {
  const directory = join(folder, 'fabric');
  mkdirSync(join(directory, '3'), { recursive: true });
  for (const path of [directory, join(directory, '3')]) chmodSync(path, 0o700);
  const running = new Set<FakeEnclave>();
  let boots = 0;
  return {
    kind: 'sim',
    capabilities: { stopsInOrder: true, consoleAlways: true, memory: 'files', cpuIds: false, users: false },
    findMissing: async () => [],
    describeDifferences: () => ['SIMULATED: a script'],
    get running() {
      return [...running];
    },
    get boots() {
      return boots;
    },
    async start(spec) {
      refuse?.();
      boots += 1;
      const boot = boots;
      const cid = toCid(spec.cid ?? 15 + boot);
      const transport = createFabricTransport({ directory, localCid: CID_PARENT, hostWide: true });
      const place = { cid, transport, vsock: `fabric:${directory}` };
      mkdirSync(join(directory, String(cid)), { recursive: true, mode: 0o700 });
      await spec.onPlace?.(place);
      spec.signal?.throwIfAborted();
      const console = new ConsoleRing();
      spec.onBoot?.(console);
      const [asked, ended, beat] = [
        Promise.withResolvers<void>(),
        Promise.withResolvers<EnclaveEnd>(),
        Promise.withResolvers<void>(),
      ];
      const closers: (() => unknown)[] = [];
      const end = (one: EnclaveEnd): void => {
        running.delete(enclave);
        for (const close of closers.splice(0)) close();
        ended.resolve(one);
      };
      const inside = createFabricTransport({ directory, localCid: cid });
      let reporter: OpenReadyReporter | undefined;
      const enclave: FakeEnclave = {
        spec,
        cid,
        boot,
        transport: inside,
        asked: asked.promise,
        beat: beat.resolve,
        get reporter() {
          if (reporter !== undefined) return reporter;
          const bootId = boot.toString(16).padStart(bootIdDigits, '0');
          reporter = createReadyReporter({
            transport: inside,
            bootId,
            clock: 'tsc',
            heartbeatMs: 200,
            image: { profile: 'development', lastWords: 'inside', lastWordsKey: null },
          });
          closers.push(() => reporter?.close());
          return reporter;
        },
        print: (text) => console.push(Buffer.from(text)),
        async echo(port) {
          const local = { cid: CID_ANY, port: toVsockPort(port) };
          const listener = await inside.listen(local, {}, (socket) => socket.on('error', () => {}).pipe(socket));
          closers.push(() => listener.close());
        },
        exit: (code) => end({ kind: 'exited', code }),
        die: () => end({ kind: 'died', byHost: false }),
      };
      running.add(enclave);
      void live(enclave);
      const given = new Promise<never>((_, reject) => {
        spec.signal?.addEventListener('abort', () => reject(spec.signal?.reason), { once: true });
      });
      const early = ended.promise.then((one) => {
        throw new BootError(spec.name, { end: one }, console.tail());
      });
      for (const one of [given, early]) one.catch(() => {});
      try {
        await Promise.race([beat.promise, early, given]);
      } catch (error) {
        end({ kind: 'died', byHost: true });
        if (spec.signal?.aborted) refuseStart?.();
        throw error;
      }
      const kill = async (): Promise<EnclaveEnd> => {
        refuseEnd?.();
        end({ kind: 'died', byHost: true });
        return await ended.promise;
      };
      const started: RunningEnclave = {
        ...place,
        name: spec.name,
        backend: 'sim',
        pids: [],
        bootMs: 1,
        console,
        ended: ended.promise,
        kill,
        measurements: spec.measurements ?? { PCR0: '', PCR1: '', PCR2: '' },
        documents,
        departures: [],
        async stop(graceMs = 40_000) {
          refuseEnd?.();
          asked.resolve();
          const timer = setTimeout(() => void kill(), graceMs);
          const one = await ended.promise;
          clearTimeout(timer);
          return one;
        },
      };
      return started;
    },
  };
}
