// The bench from the image to the files: build, start, offer each payload at each rate, write, end.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Caisson, createCaisson, nameGround } from '../caisson.ts';
import { ask, type HostSide, startHostSide, untilAnswers } from '../host-side.ts';
import { buildImage } from '../image.ts';
import { launch, takeDown } from '../launch.ts';
import { makeResultsFolder } from '../results.ts';
import { offerLoad } from './offer.ts';
import { renderText, warnAbout } from './render.ts';
import { describeOffered, type Row } from './row.ts';
import type { BenchSettings } from './settings.ts';
import { writeRaw, writeResults } from './write-results.ts';

export interface BenchRun {
  readonly settings: BenchSettings;
  readonly env: NodeJS.ProcessEnv;
  readonly stop: AbortSignal;
  /** Progress and warnings. */
  readonly note: (line: string) => void;
  /** The table. */
  readonly print: (text: string) => void;
}

/** Rejects with what went wrong, or the reason of `stop`. Nothing runs any more either way. */
export async function runBench(run: BenchRun): Promise<void> {
  const { settings, env, stop, note } = run;
  const folder = mkdtempSync(join(tmpdir(), 'caisson-bench-'));
  const base = { folder, env, isHardware: settings.backend === 'nitro' };
  const caisson = createCaisson({ ...base, stop });
  const name = `bench-${process.pid}`;
  let host: HostSide | undefined;
  try {
    host = await startTarget(run, caisson, folder, name);
    const rows = await offerAll(run, host);
    writeResults(settings, (await caisson.run(['--version'])).trim(), rows, env);
    for (const warning of warnAbout(nameGround(settings.backend, env), rows)) note(warning);
    run.print(renderText(rows));
  } finally {
    await host?.stop();
    // By a program of its own: that of the run ends with `stop`.
    await takeDown(createCaisson({ ...base, stop: new AbortController().signal }), folder, name, settings.backend);
    if (settings.keepWorkdir) note(`kept ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
}

async function startTarget(
  { settings, env, stop, note }: BenchRun,
  caisson: Caisson,
  folder: string,
  name: string,
): Promise<HostSide> {
  const { backend, cpus, memoryMiB, kernel, httpPort, httpVsockPort, maxConnections } = settings;
  makeResultsFolder(settings.resultsDir, env);
  note('building the image');
  const programs = ['bench.mjs', 'bridges.mjs'];
  const isEmulated = backend === 'qemu';
  const terms = { caisson, folder, name, programs, port: httpVsockPort, maxConnections, kernel, isEmulated };
  const image = await buildImage(terms);
  note(`starting it: ${backend}, ${cpus} CPUs, ${memoryMiB} MiB`);
  const enclave = await launch({ caisson, folder, name, image, backend, cpus, memoryMiB });
  const host = startHostSide({ caisson, folder, enclave, httpPort, httpVsockPort, endpoints: [], maxConnections });
  try {
    await untilAnswers(host, httpPort, '/0', stop);
    return host;
  } catch (error) {
    await host.stop();
    throw error;
  }
}

async function offerAll({ settings, env, stop, note }: BenchRun, host: HostSide): Promise<readonly Row[]> {
  const { httpPort, rates, payloads, durationMs, timeoutMs, maxConnections } = settings;
  const rows: Row[] = [];
  for (const payload of payloads) {
    // The body inside is made for the first who asks; nobody who is measured waits for it.
    await ask(httpPort, `/${payload}`, stop, payload);
    const request = `GET /${payload} HTTP/1.1\r\nHost: caisson\r\n\r\n`;
    const target = { host: '127.0.0.1', port: httpPort, request, body: Buffer.alloc(payload, 'caisson ') };
    for (const rate of rates) {
      note(`${rate}/s of ${payload} bytes for ${durationMs / 1_000} s`);
      const offered = await offerLoad({ ...target, rate, durationMs, timeoutMs, maxConnections, stop });
      stop.throwIfAborted();
      if (host.hasEnded) throw new Error('caisson host has ended in between');
      rows.push(describeOffered(rate, payload, offered));
      if (settings.exportRaw) writeRaw(settings, { rate, payload }, offered, env);
    }
  }
  return rows;
}
