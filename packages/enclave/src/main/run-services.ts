// A boot after its config: the NSM for services, whoever may command them, and the services themselves, until the end.
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createInitHandlers, type Readiness } from '@caisson/link/control';
import { type PeerCredentials, serveInitSocket } from '@caisson/link/init';
import type { Transport } from '@caisson/link/transport';
import { describeEnclave, serveEnclaveControl } from '../control/index.ts';
import { createControl, type Outcome, readMeasuredServices, Supervisor, servicesAtRoot } from '../init/index.ts';
import {
  createCallerFinder,
  createNsmRate,
  type NsmRefusal,
  serveDocuments,
  serveSupervisorNsm,
} from '../nsm/index.ts';
import { openPipeline } from '../pipeline/index.ts';
import type { Boot, Prepared } from './boot-world.ts';
import type { ToldEnd } from './listen-for-end.ts';

/** Everybody who may ask or command is served before the first service starts. */
export async function runServices(
  boot: Boot,
  prepared: Prepared,
  { readiness, told }: { readonly readiness: Readiness; readonly told: ToldEnd },
): Promise<Outcome> {
  const supervisor = createSupervisor(boot, prepared);
  await serveNsm(boot, prepared, supervisor);
  await serveCommands(boot, prepared, { supervisor, readiness, told });
  boot.reporter.report('services', []);
  await supervisor.start();
  const outcome = await Promise.race([told.ended, supervisor.over]);
  const left = await supervisor.stopAll();
  if (left.length > 0) boot.log.error('INIT_LEFT', 'services still run after 30 s', { services: left.join(' ') });
  return outcome;
}

function createSupervisor(boot: Boot, { config }: Prepared): Supervisor {
  const { clock, host, kernel, log, measured, reporter, root, runFolder, transport } = boot;
  const { init, services } = measured;
  return new Supervisor({
    services,
    init,
    host,
    clock,
    kernel,
    transport,
    reporter,
    log,
    runFolder: `${runFolder}/caisson`,
    terms: {
      configEnvironment: config.environment,
      ownEnvironment: ownEnvironment(boot),
      configPath: config.config === null ? null : `${runFolder}/caisson/config.json`,
      hasCgroups: hasCgroups(transport),
      ...(root !== '' && { root }),
      ownProgram: ({ name }) => [...ownCommand(), name],
    },
  });
}

/** What services ask of the NSM, and documents made for them. */
async function serveNsm(boot: Boot, { config, device }: Prepared, supervisor: Supervisor): Promise<void> {
  const { bootId, closers, log, measured, root } = boot;
  const { image, services } = measured;
  const serviceOf = (pid: number): string | undefined => supervisor.serviceOf(pid);
  const callers = {
    device,
    peerOf: peerFinder(boot),
    callerOf: createCallerFinder({ services, serviceOf, root }),
    // One rate for both sockets, so that asking at both brings no more.
    rate: createNsmRate(),
    onRefusal: ({ kind }: NsmRefusal) => log.warn('NSM_REFUSED', 'a request to the nsm was refused', { kind }),
  };
  const { nsm: nsmPath, attest: attestPath } = socketPaths(boot);
  const nsm = await serveSupervisorNsm({ ...callers, path: nsmPath });
  closers.push(() => nsm.close());
  const facts = describeEnclave({ image, config, bootId });
  const documents = await serveDocuments({ ...callers, path: attestPath, facts });
  closers.push(() => documents.close());
}

/** initctl inside, operators outside, SIGHUP: all of them ask one control. */
async function serveCommands(
  boot: Boot,
  { config, device }: Prepared,
  { supervisor, readiness, told }: { supervisor: Supervisor; readiness: Readiness; told: ToldEnd },
): Promise<void> {
  const { bootId, clock, closers, host, kernel, log, measured, measuredFolder, root, runFolder, startedMs } = boot;
  const { image, init, operators } = measured;
  const { transport } = boot;
  const control = createControl({
    supervisor,
    host,
    clock,
    bootId,
    startedMs,
    logDir: init.logDir,
    allowedVariables: image.profile === 'production' ? image.config.environment : null,
    readServices: async () => servicesAtRoot(await readMeasuredServices(measuredFolder), root),
    // In a simulation without a room PID 1 is an ordinary process of the machine, and this one's parent.
    firstPid: root === '' ? undefined : process.ppid,
    end: (code) => told.end({ exit: 0, code }),
  });
  if (init.controlSocket !== null) {
    const peerCredentials = peerFinder(boot);
    const socket = await serveInitSocket({
      path: init.controlSocket,
      control,
      peerCredentials,
      ownerUid: process.getuid?.() ?? 0,
      onRefused: (peer) => log.warn('INIT_SOCKET_REFUSED', 'a caller was refused', { uid: peer?.uid, pid: peer?.pid }),
    });
    closers.push(() => socket.close());
  }
  if (operators !== null) {
    const place = { runFolder: `${runFolder}/caisson`, hasCgroups: hasCgroups(transport), root };
    const pipeline = await openPipeline({ host, kernel, image, fileRoots: operators.fileRoots ?? [], ...place });
    closers.push(() => pipeline.close());
    const port = await serveEnclaveControl({
      transport,
      device,
      image,
      operators,
      config,
      bootId,
      readiness,
      log,
      handlers: { ...createInitHandlers(control), ...pipeline.handlers },
    });
    closers.push(() => port.close());
  }
  host.onEvent(({ kind }) => {
    if (kind !== 'reload') return;
    control.reload().catch((error: Error) => log.error('INIT_RELOAD', error.message));
  });
}

function peerFinder({ kernel }: Boot): (socket: Socket) => PeerCredentials | undefined {
  return (socket) => {
    try {
      return kernel.peerCredentials(socket);
    } catch {
      // The caller is gone already, and cannot be identified.
      return undefined;
    }
  };
}

function socketPaths({ runFolder }: Boot): { readonly nsm: string; readonly attest: string } {
  return { nsm: `${runFolder}/nsm.sock`, attest: `${runFolder}/attest.sock` };
}

/** The wall of a simulation goes to every service, as AF_VSOCK is there for every process of a real enclave. */
function ownEnvironment(boot: Boot): Record<string, string> {
  const { env, transport } = boot;
  const { nsm, attest } = socketPaths(boot);
  const own: Record<string, string> = { CAISSON_NSM: `unix:${nsm}`, CAISSON_ATTEST: `unix:${attest}` };
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
