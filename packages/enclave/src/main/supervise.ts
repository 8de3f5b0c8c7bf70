// `caisson-enclave supervise`: the supervisor, started by PID 1 on fd 3 and by nobody else. The order of a boot (docs/supervisor.md):
//
//   measured files -> health port and ready line -> graph -> NSM checks -> config, fixed in PCR16 (take-config.ts) -> NSM and attest sockets
//   -> control socket -> control port -> services -> ready | degraded -> stopping (run-services.ts) -> the last line -> PID 1 ends the enclave
//
// Before the config is fixed no service runs and nobody can command. What fails on the way ends the boot with its reason; what fails
// later is this process's end, and PID 1 starts another that finds everything running.
import { toVsockPort } from '@caisson/core/address';
import { sayTo } from '@caisson/link/argonaut';
import { createReadyReporter, type ReadyReporter, type ReasonCode, serveHealth } from '@caisson/link/ready';
import { BootRefusal, readClocksource } from '../boot-config/index.ts';
import { watchPhase } from '../control/index.ts';
import {
  logOfBoot,
  type Measured,
  measuredAtRoot,
  type Outcome,
  readBootMark,
  readMeasured,
  systemClock,
} from '../init/index.ts';
import type { Boot, Close, SuperviseWorld } from './boot-world.ts';
import { listenForEnd, stopped } from './listen-for-end.ts';
import { runServices } from './run-services.ts';
import { takeConfig } from './take-config.ts';

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
        transport: world.transport,
        image,
        bootId,
        clock: await readClocksource(),
        uptimeMs: () => clock.now() - startedMs,
        say: sayTo(log, 'json'),
      })
    : undefined;
  const { reporter, readiness } = watchPhase(line ?? quietReporter);
  reporter.report('booting', []);
  const boot: Boot = {
    ...world,
    log,
    clock,
    root,
    runFolder,
    measuredFolder,
    measured,
    bootId,
    startedMs,
    reporter,
    closers,
  };
  let outcome: Outcome;
  try {
    if (image.healthPort !== null && line !== undefined) {
      const port = toVsockPort(image.healthPort);
      const say = sayTo(log, 'json');
      const health = await serveHealth({ transport: world.transport, port, say, health: () => line.health() });
      closers.push(() => health.close());
    }
    outcome = await runServices(boot, await takeConfig(boot, told.signal), { readiness, told });
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

function reasonOf(error: unknown): ReasonCode {
  if (error instanceof BootRefusal) return error.reason;
  return (error as { code?: string }).code === 'INIT_GRAPH' ? 'cycle' : 'supervisor';
}
