// `caisson-enclave supervise`: the supervisor, started by PID 1 on fd 3 and by nobody else. The order of a boot (docs/supervisor.md):
//
//   measured files -> graph -> health port and ready line -> NSM checks -> config, fixed in PCR16 -> NSM and attest sockets
//   -> control socket -> control port -> services -> ready | degraded -> stopping -> the last line -> PID 1 ends the enclave
//
// Before the config is fixed no service runs and nobody can command. What fails on the way ends the boot with its reason; what fails
// later is this process's end, and PID 1 starts another that finds everything running.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { toVsockPort } from '@caisson/core/address';
import type { Log } from '@caisson/core/log';
import { createNsmClient } from '@caisson/core/nitro';
import { sayTo } from '@caisson/link/argonaut';
import { createInitHandlers, type Readiness } from '@caisson/link/control';
import { type PeerCredentials, serveInitSocket } from '@caisson/link/init';
import { createReadyReporter, type ReadyReporter, type ReasonCode, serveHealth } from '@caisson/link/ready';
import type { Transport } from '@caisson/link/transport';
import type { Kernel, NsmDevice, ProcessHost } from '@caisson/sys';
import {
  type AcceptedConfig,
  BootRefusal,
  checkNsmAtBoot,
  readClocksource,
  takeBootConfig,
} from '../boot-config/index.ts';
import { describeEnclave, serveEnclaveControl, watchPhase } from '../control/index.ts';
import {
  type Clock,
  createControl,
  logOfBoot,
  type Measured,
  measuredAtRoot,
  type Outcome,
  readBootMark,
  readMeasured,
  readMeasuredServices,
  Supervisor,
  servicesAtRoot,
  soundGraph,
  systemClock,
} from '../init/index.ts';
import { findNetworkFaults } from '../network/index.ts';
import {
  createCallerFinder,
  createNsmRate,
  type NsmRefusal,
  serveDocuments,
  serveSupervisorNsm,
} from '../nsm/index.ts';
import { openPipeline } from '../pipeline/index.ts';

export interface SuperviseWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly kernel: Kernel;
  readonly transport: Transport;
  readonly host: ProcessHost;
  readonly log: Log;
  readonly stop: AbortSignal;
  /** The device itself, for nobody else. */
  openOwnNsm(): Promise<NsmDevice>;
  /** Where the enclave's `/` is, without a slash at its end; default there. Only a simulation has another (docs/simulation.md). */
  readonly root?: string;
  /** Default /etc/caisson, at the root. */
  readonly measuredFolder?: string;
  /** Default /run, at the root. */
  readonly runFolder?: string;
  readonly clock?: Clock;
}

interface Boot extends SuperviseWorld {
  readonly clock: Clock;
  readonly root: string;
  readonly runFolder: string;
  readonly measuredFolder: string;
  readonly measured: Measured;
}

const stopped: Outcome = { exit: 0, code: 'stopped' };

type Close = () => Promise<void> | void;

/** Resolves when the enclave has been told to end, which on hardware it never does. */
export async function runSupervise(world: SuperviseWorld): Promise<void> {
  const { root = '', clock = systemClock } = world;
  const { measuredFolder = `${root}/etc/caisson`, runFolder = `${root}/run` } = world;
  const { bootId, startedMs } = readBootMark(`${runFolder}/caisson`, clock);
  const log = logOfBoot(world.log, bootId);
  log.info('BOOT_STARTING', 'supervisor starts', { pid: process.pid });
  const told = listenForEnd(world);
  let measured: Measured;
  try {
    measured = measuredAtRoot(await readMeasured(measuredFolder, world.env['INIT_CONFIG']), root);
  } catch (error) {
    log.error('BOOT_MEASURED', (error as Error).message);
    return await world.host.end(1);
  }

  const { image } = measured;
  const closers: Close[] = [];
  const line = image.components.includes('ready')
    ? createReadyReporter({
        ...{ transport: world.transport, image, bootId, clock: await readClocksource() },
        uptimeMs: () => clock.now() - startedMs,
        say: sayTo(log, 'json'),
      })
    : undefined;
  const { reporter, readiness } = watchPhase(line ?? quietReporter);
  reporter.report('booting', []);
  const boot: Boot = { ...world, log, clock, root, runFolder, measuredFolder, measured };
  let outcome: Outcome;
  try {
    if (image.healthPort !== null && line !== undefined) {
      const port = toVsockPort(image.healthPort);
      const say = sayTo(log, 'json');
      const health = await serveHealth({ transport: world.transport, port, say, health: () => line.health() });
      closers.push(() => health.close());
    }
    const prepared = await prepare(boot, reporter, told.signal, closers);
    outcome = await serve(boot, { ...prepared, reporter, readiness, bootId, startedMs, told, closers });
  } catch (error) {
    // Told to end while it waited for a config: nothing has failed.
    outcome = told.signal.aborted && error === told.signal.reason ? stopped : { exit: 1, code: reasonOf(error) };
    if (outcome !== stopped) {
      log.error((error as { code?: string }).code ?? 'BOOT_FAILED', (error as Error).message, { reason: outcome.code });
      reporter.report('failed', [{ code: outcome.code }]);
    }
  }
  log.info('BOOT_EXITED', 'enclave ends', { exit: outcome.exit, code: outcome.code });
  await reporter.finish(outcome.exit, outcome.code);
  for (const close of closers.reverse()) await close();
  await world.host.end(outcome.exit);
}

/** For an image without the component `ready`: nothing of it leaves. */
const quietReporter: ReadyReporter = { report() {}, configTaken() {}, lastWords() {}, async finish() {} };

/** Up to the config: what may end a boot before anything of the image's own has run. */
async function prepare(boot: Boot, reporter: ReadyReporter, signal: AbortSignal, closers: Close[]): Promise<Prepared> {
  const { log, measured, runFolder, transport } = boot;
  const { image, services } = measured;
  soundGraph(services, log);
  const device = await boot.openOwnNsm();
  closers.push(() => device.close());
  const nsm = createNsmClient(device);
  const clocksource = await readClocksource();
  const check = await checkNsmAtBoot({ profile: image.profile, nsm, clocksource });
  for (const { reason, message } of check.concerns) log.warn('BOOT_CONCERN', message, { reason });
  log.info('BOOT_NSM', 'nsm answers', { hardware: check.hardware, debug: check.debug, clocksource });

  if (image.config.expect !== 'none') reporter.report('config', []);
  const config = await takeBootConfig({
    ...{ image, nsm, transport, folder: `${runFolder}/caisson`, signal },
    findFaults: (bytes) => findNetworkFaults(bytes, image, transport.localCid),
    onListening() {
      log.info('BOOT_CONFIG_AWAITED', 'boot config is awaited', { expect: image.config.expect });
      // Only now: whoever reads this sends, and a port that refuses would be an enclave that cannot be configured.
      reporter.report('config', [{ code: 'config-awaited' }]);
    },
    onRefused(reason, faults) {
      // The faults may quote the config, which is its sender's and may be secret.
      log.warn('BOOT_CONFIG_REFUSED', 'boot config was refused', { reason, faults: faults.length });
      reporter.report('config', [{ code: 'config-awaited' }, { code: reason }]);
    },
  });
  reporter.configTaken(config.sha384);
  log.info('BOOT_CONFIG', config.config === null ? 'no boot config' : 'boot config taken', {
    ...{ sha384: config.sha384, adopted: config.adopted, version: config.signed?.version },
  });
  return { config, device };
}

interface Prepared {
  readonly config: AcceptedConfig;
  readonly device: NsmDevice;
}

interface Service extends Prepared {
  readonly reporter: ReadyReporter;
  readonly readiness: Readiness;
  readonly bootId: string;
  readonly startedMs: number;
  readonly told: ReturnType<typeof listenForEnd>;
  readonly closers: Close[];
}

/** Services and who may command them, until the end. */
async function serve(boot: Boot, { config, device, ...service }: Service): Promise<Outcome> {
  const { clock, host, kernel, log, measured, measuredFolder, root, runFolder, transport } = boot;
  const { reporter, readiness, bootId, startedMs, told, closers } = service;
  const { image, init, operators, services } = measured;
  const [nsmPath, attestPath] = [`${runFolder}/nsm.sock`, `${runFolder}/attest.sock`];
  const supervisor = new Supervisor({
    ...{ services, init, host, clock, kernel, transport, reporter, log, runFolder: `${runFolder}/caisson` },
    terms: {
      configEnvironment: config.environment,
      ownEnvironment: ownEnvironment(boot, nsmPath, attestPath),
      configPath: config.config === null ? null : `${runFolder}/caisson/config.json`,
      hasCgroups: hasCgroups(transport),
      ...(root !== '' && { root }),
      ownProgram: ({ name }) => [...ownCommand(), name],
    },
  });

  const peerOf = (socket: Socket): PeerCredentials | undefined => {
    try {
      return kernel.peerCredentials(socket);
    } catch {
      // It has gone already, and nobody knows who it was.
      return undefined;
    }
  };
  const serviceOf = (pid: number): string | undefined => supervisor.serviceOf(pid);
  const callers = {
    ...{ device, peerOf, callerOf: createCallerFinder({ services, serviceOf, root }) },
    // One for both sockets: whoever asks at two doors asks no more often.
    rate: createNsmRate(),
    onRefusal: ({ kind }: NsmRefusal) => log.warn('NSM_REFUSED', 'a request to the nsm was refused', { kind }),
  };
  const nsm = await serveSupervisorNsm({ ...callers, path: nsmPath });
  closers.push(() => nsm.close());
  const facts = describeEnclave({ image, config, bootId });
  const documents = await serveDocuments({ ...callers, path: attestPath, facts });
  closers.push(() => documents.close());

  const control = createControl({
    ...{ supervisor, host, clock, bootId, startedMs, logDir: init.logDir },
    allowedVariables: image.profile === 'production' ? image.config.environment : null,
    readServices: async () => servicesAtRoot(await readMeasuredServices(measuredFolder), root),
    // There PID 1 is a process among the machine's, and this one's parent.
    firstPid: root === '' ? undefined : process.ppid,
    end: (code) => told.end({ exit: 0, code }),
  });
  if (init.controlSocket !== null) {
    const socket = await serveInitSocket({
      ...{ path: init.controlSocket, control, peerCredentials: peerOf, ownerUid: process.getuid?.() ?? 0 },
      onRefused: (peer) => log.warn('INIT_SOCKET_REFUSED', 'a caller was refused', { uid: peer?.uid, pid: peer?.pid }),
    });
    closers.push(() => socket.close());
  }
  if (operators !== null) {
    const place = { runFolder: `${runFolder}/caisson`, hasCgroups: hasCgroups(transport), root };
    const pipeline = await openPipeline({ host, kernel, image, fileRoots: operators.fileRoots ?? [], ...place });
    closers.push(() => pipeline.close());
    const port = await serveEnclaveControl({
      ...{ transport, device, image, operators, config, bootId, readiness, log },
      handlers: { ...createInitHandlers(control), ...pipeline.handlers },
    });
    closers.push(() => port.close());
  }
  host.onEvent(({ kind }) => {
    if (kind !== 'reload') return;
    control.reload().catch((error: Error) => log.error('INIT_RELOAD', error.message));
  });

  reporter.report('services', []);
  await supervisor.start();
  const outcome = await Promise.race([told.ended, supervisor.over]);
  const left = await supervisor.stopAll();
  if (left.length > 0) log.error('INIT_LEFT', 'services still run after 30 s', { services: left.join(' ') });
  return outcome;
}

/** SIGTERM to PID 1, a signal to this process, or a word from control: the first counts. */
function listenForEnd({ host, stop }: SuperviseWorld) {
  const { promise: ended, resolve } = Promise.withResolvers<Outcome>();
  const abort = new AbortController();
  const end = (outcome: Outcome): void => {
    resolve(outcome);
    abort.abort();
  };
  host.onEvent(({ kind }) => {
    if (kind === 'terminate') end(stopped);
  });
  stop.addEventListener('abort', () => end(stopped), { once: true });
  return { ended, end, signal: abort.signal };
}

function reasonOf(error: unknown): ReasonCode {
  if (error instanceof BootRefusal) return error.reason;
  return (error as { code?: string }).code === 'INIT_GRAPH' ? 'cycle' : 'supervisor';
}

/** The wall of a simulation goes to every service, as AF_VSOCK is there for every process of a real enclave. */
function ownEnvironment({ env, transport }: Boot, nsmPath: string, attestPath: string): Record<string, string> {
  const own: Record<string, string> = { CAISSON_NSM: `unix:${nsmPath}`, CAISSON_ATTEST: `unix:${attestPath}` };
  if (transport.kind === 'kernel') return own;
  for (const name of ['CAISSON_VSOCK', 'CAISSON_CID']) {
    const value = env[name];
    if (value !== undefined) own[name] = value;
  }
  return own;
}

/** Not in a simulation: the tree may be the whole machine's, where `caisson/web` is another enclave's too. */
function hasCgroups(transport: Transport): boolean {
  if (transport.kind !== 'kernel' || !existsSync('/sys/fs/cgroup/cgroup.controllers')) return false;
  try {
    accessSync('/sys/fs/cgroup/cgroup.procs', constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Not process.execPath: the runtime of an image is started by its own loader, and that is what the kernel calls the program. */
function ownCommand(): readonly string[] {
  const words = readFileSync('/proc/self/cmdline', 'utf8').split('\0');
  return words.slice(0, words.lastIndexOf('supervise'));
}
