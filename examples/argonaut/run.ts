// Runs the example: starts the parent side and the enclave side, sends the requests, checks the document, tells what happened.
// Returns 0 when everything held. Every wait has a deadline and ends at once when a side dies.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { choosePort } from '../client/choose-port.ts';
import { fetchBytes, type LoadResult, sendRequests } from './load.ts';
import { checkDocument, type Proof } from './proof.ts';
import { createReport, formatBytes, type Report } from './report.ts';
import { startSides } from './sides.ts';
import { openUpstream } from './upstream.ts';

const requests = 1_000;
const connections = 16;

/** `words` are the command line: `--once`, `--port N` (0 = any free one). Resolves with the exit code. */
export async function runExample(words: readonly string[]): Promise<number> {
  const { once, port: wanted } = parseArgs({
    args: [...words],
    options: { once: { type: 'boolean', default: false }, port: { type: 'string', default: '8080' } },
  }).values;
  const report = createReport((line) => console.log(line), process.stdout.isTTY === true);
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  const stopped = new Promise<'stopped'>((resolve) =>
    stop.signal.addEventListener('abort', () => resolve('stopped'), { once: true }),
  );

  const work = mkdtempSync(join(tmpdir(), 'caisson-'));
  const upstream = await openUpstream();
  const sides = startSides({ work, upstreamPort: upstream.port, report });
  try {
    const port = await choosePort(wanted);
    const job = (async () => {
      await sides.open(port);
      const nonce = randomBytes(32);
      const load = await sendRequests({ port, requests, connections, check: checkGreeting });
      report.step(`${load.requests} requests sent`);
      const document = await fetchBytes(port, `/attestation?nonce=${nonce.toString('hex')}`);
      const proof = await checkDocument({ document, nonce, rootFile: sides.rootFile, pcrs: sides.pcrs });
      report.step('attestation document fetched and checked');
      return { load, proof };
    })();
    const done = await Promise.race([job, sides.died, stopped]);
    if (done === 'stopped') return 130;

    const { load, proof } = done;
    tellLoad(report, load, upstream.calls(), await sides.bytes());
    tellProof(report, proof);
    const fault =
      load.failures[0] ?? (upstream.calls() < load.requests ? 'the upstream was called too rarely' : undefined);
    if (fault !== undefined) {
      report.say(`\nFAILED: ${fault}`);
      return 1;
    }
    report.say('\nEverything held. SIMULATED: the root above proves nothing about hardware.');
    if (once) return 0;
    report.say(
      `\nOpen http://127.0.0.1:${port}/ or /attestation?nonce=00112233445566778899aabbccddeeff; Ctrl-C ends it.`,
    );
    await Promise.race([sides.died, stopped]);
    return 0;
  } catch (error) {
    console.error(`start: ${error instanceof Error ? error.message : error}`);
    return 1;
  } finally {
    await sides.end();
    await upstream.close();
    rmSync(work, { recursive: true, force: true });
  }
}

function checkGreeting(body: string): void {
  const answer = JSON.parse(body) as { greeting?: unknown; upstream?: { call?: unknown } };
  if (answer.greeting !== 'hello from inside' || typeof answer.upstream?.call !== 'number') {
    throw new Error(`unexpected answer ${body.slice(0, 100)}`);
  }
}

function tellLoad(report: Report, load: LoadResult, calls: number, bytes: { inward: number; outward: number }): void {
  report.block('Traffic', [
    [
      'requests',
      `${load.requests}, ${load.failures.length} failed, ${Math.round(load.requests / load.seconds)} a second`,
    ],
    [
      'latency',
      `p50 ${load.p50Ms.toFixed(2)} ms, p99 ${load.p99Ms.toFixed(2)} ms (each went in, out to the upstream and back)`,
    ],
    ['bytes', `${formatBytes(bytes.inward)} in, ${formatBytes(bytes.outward)} out through the inbound bridge`],
    ['upstream calls', String(calls)],
  ]);
}

function tellProof(report: Report, proof: Proof): void {
  report.block('Attestation document', [
    ['size', `${proof.bytes} bytes`],
    ['module id', proof.moduleId],
    ...proof.pcrs.map((value, index) => [`PCR${index}`, value] as const),
    ['PCRs', 'equal to what was measured from this example’s files'],
    ['nonce', 'equal to the one just sent'],
    ['chain', `${proof.chain} (openssl verify, against the simulator’s root)`],
    ['signature', `${proof.signature} (openssl dgst, ES384 over the COSE Sig_structure)`],
  ]);
}

if (import.meta.main) process.exitCode = await runExample(process.argv.slice(2));
