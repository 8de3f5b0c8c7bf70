// The smoke from the first file to the last line: build, start, check, end, with everything in one folder that is removed unless it is to be kept.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Caisson, createCaisson } from '../caisson.ts';
import { startHostSide, untilAnswers } from '../host-side.ts';
import { type BuiltImage, buildImage } from '../image.ts';
import { launch, takeDown } from '../launch.ts';
import { keepResults } from '../results.ts';
import { checks, type Scene } from './check.ts';
import { serveEcho } from './echo.ts';
import { addHostsEntry } from './hosts-entry.ts';
import { createReport, type Report } from './report.ts';
import type { SmokeSettings } from './settings.ts';

export interface SmokeRun {
  readonly settings: SmokeSettings;
  readonly env: NodeJS.ProcessEnv;
  readonly stop: AbortSignal;
  readonly say: (line: string) => void;
}

interface Running extends SmokeRun {
  readonly caisson: Caisson;
  readonly folder: string;
  readonly name: string;
  readonly report: Report;
  /** What is to be undone at the end, the last first. */
  readonly undo: (() => void | Promise<void>)[];
}

// Given: argonaut's default.
const maxConnections = 1_024;

/** Resolves with 0 where everything held, else 1. Rejects with the reason of `stop`. Nothing is left either way. */
export async function runSmoke({ settings, env, stop, say }: SmokeRun): Promise<number> {
  const { backend, resultsDir } = settings;
  const folder = mkdtempSync(join(tmpdir(), 'caisson-smoke-'));
  const said: string[] = [];
  const sayAndKeep = (line: string): void => {
    said.push(line);
    say(line);
  };
  // Beside the list: image, ready, ended.
  const report = createReport(settings, checks.length + 3, sayAndKeep);
  const name = `smoke-${process.pid}`;
  const base = { folder, env, isHardware: backend === 'nitro' };
  // By a program of its own: that of the checks ends with `stop`.
  const ending = createCaisson({ ...base, stop: new AbortController().signal });
  const undo = [() => takeDown(ending, folder, name, backend)];
  await checkAll({ settings, env, stop, say, caisson: createCaisson({ ...base, stop }), folder, name, report, undo });
  await endAll(undo, report);
  const code = stop.aborted ? 1 : report.finish();
  if (resultsDir !== undefined) keepResults({ resultsDir, folder, said, env });
  if (settings.keepWorkdir) say(`kept ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
  stop.throwIfAborted();
  return code;
}

/** Reports what goes wrong, and does not throw it. */
async function checkAll(running: Running): Promise<void> {
  const { settings, caisson, folder, name, report, stop } = running;
  let at = 'image';
  try {
    const image = await buildSmokeImage(running);
    report.add({ outcome: 'PASS', name: at, list: 'caisson', detail: `PCR0 ${image.pcrs[0]}` });
    at = 'ready';
    const { backend, cpus, memoryMiB } = settings;
    const enclave = await launch({ caisson, folder, name, image, backend, cpus, memoryMiB });
    const took = enclave.readyMs === null ? '' : ` after ${(enclave.readyMs / 1_000).toFixed(2)} s`;
    report.add({ outcome: 'PASS', name: at, list: 'caisson', detail: `CID ${enclave.cid}, ready${took}` });
    at = 'inbound TCP';
    const scene = await openScene(running, image, enclave);
    for (const check of checks) {
      at = check.name;
      await runCheck(check, scene, report);
      stop.throwIfAborted();
    }
  } catch (error) {
    if (stop.aborted) return;
    const list = checks.find(({ name: one }) => one === at)?.list ?? 'caisson';
    report.add({ outcome: 'FAIL', name: at, list, detail: (error as Error).message });
  }
}

async function buildSmokeImage({ settings, caisson, folder, name }: Running): Promise<BuiltImage> {
  const { spki } = JSON.parse(await caisson.run(['operator', 'create', 'smoke', '--json'])) as {
    readonly spki: string;
  };
  const template = ['/usr/bin/node', '/app/say.mjs', '{word}'];
  return buildImage({
    caisson,
    folder,
    name,
    port: settings.httpVsockPort,
    maxConnections,
    kernel: settings.kernel,
    isEmulated: settings.backend === 'qemu',
    programs: ['smoke.mjs', 'bridges.mjs', 'say.mjs'],
    settings: {
      operators: { list: [{ name: 'smoke', key: spki, verbs: ['all'], exec: [template] }] },
      policy: { file_roots: { data: '/app/data' } },
    },
  });
}

async function openScene(running: Running, image: BuiltImage, enclave: Scene['enclave']): Promise<Scene> {
  const { settings, caisson, folder, stop, undo } = running;
  const { host, localIp, localPort, outboundVsockPort, hostEchoPort, httpPort, httpVsockPort } = settings;
  if (host !== 'localhost') undo.push(addHostsEntry(host));
  undo.push(await serveEcho(hostEchoPort));
  const endpoint = { host, vsockPort: outboundVsockPort, tcpPort: hostEchoPort, localIP: localIp, localPort };
  const side = { caisson, folder, enclave, httpPort, httpVsockPort, endpoints: [endpoint], maxConnections };
  const parent = startHostSide(side);
  undo.push(() => parent.stop());
  await untilAnswers(parent, httpPort, '/config', stop);
  return { settings, caisson, folder, image, enclave, host: parent, stop };
}

async function runCheck(
  { name, list, run, whyNot }: (typeof checks)[number],
  scene: Scene,
  report: Report,
): Promise<void> {
  const why = whyNot?.(scene);
  if (why !== undefined) return report.add({ outcome: 'SKIP', name, list, detail: why });
  try {
    const detail = await run(scene);
    report.add({ outcome: 'PASS', name, list, detail });
  } catch (error) {
    if (!scene.stop.aborted) report.add({ outcome: 'FAIL', name, list, detail: (error as Error).message });
  }
}

async function endAll(undo: Running['undo'], report: Report): Promise<void> {
  const faults: string[] = [];
  for (const one of undo.toReversed()) {
    try {
      await one();
    } catch (error) {
      faults.push((error as Error).message);
    }
  }
  const isGood = faults.length === 0;
  const detail = isGood ? 'the enclave and its record are gone' : faults.join('; ');
  report.add({ outcome: isGood ? 'PASS' : 'FAIL', name: 'ended', list: 'caisson', detail });
}
