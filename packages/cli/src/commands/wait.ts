// `caisson wait`: until an enclave says that it is ready. Exit 0, or 3 with the last phase, the reasons and what the port did. By name its shim is asked,
// which has its ready line; by CID its port.
import { FIRST_ENCLAVE_CID, NAME_FORM } from '@caisson/core/address';
import type { ReadyReport } from '@caisson/host/ready';
import type { Transport } from '@caisson/link/transport';
import { openSession, parseCidWord, parsePortWord } from '../argonaut-session.ts';
import { endedCode } from '../ended-by.ts';
import { withExitAction } from '../exit-action.ts';
import { EXIT_NOT_READY, EXIT_OK, UsageError } from '../exit-code.ts';
import { jsonText } from '../json-text.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly timeout: string;
  readonly interval: string;
  readonly port?: string;
  readonly line?: true;
  readonly keep?: string;
  readonly json?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('wait <enclave>')
    .description(
      'wait until an enclave, by name or CID, is ready and not only connected; exit 3 with the reason when it is not in time',
    )
    .option('--timeout <duration>', 'seconds, or a duration such as 2m', '30')
    .option('--interval <duration>', 'between two questions', '1')
    .option(
      '--port <n>',
      'ask a server of the application’s own that answers {"action":"health"}, instead of port 5000',
    )
    .option(
      '--line',
      'listen on the ready line too, for reasons and last words; where no other process of this host does',
    )
    .option('--keep <file>', 'with --line: keep the last words in a file that caisson last-words reads')
    .option('--json', 'print one JSON document');
  withExitAction(command, async (word: string, flags: Flags) => {
    if (!NAME_FORM.test(word)) {
      const cid = parseEnclave(word);
      return await wait(cid, flags, surroundings, await transportOf(cid, surroundings));
    }
    if (flags.line !== undefined || flags.keep !== undefined)
      throw new UsageError(`--line and --keep are for a CID: the ready line of ${word} is heard by its shim`);
    return flags.port === undefined
      ? await waitForName(word, flags, surroundings)
      : await waitForPort(word, flags, surroundings);
  });
};

/** What the shim hears on the ready line. */
async function waitForName(name: string, flags: Flags, surroundings: Surroundings): Promise<number> {
  const { stdout, stderr, stop } = surroundings;
  const { namedFacts, namedHint, namedLines, waitByName } = await import('../named-wait.ts');
  const { openEnclaveSource } = await import('../enclave-source.ts');
  const deadlineMs = await parseSeconds('--timeout', flags.timeout);
  try {
    const waited = await waitByName(await openEnclaveSource(surroundings), name, { deadlineMs, stop });
    stdout.write(`${flags.json ? jsonText(namedFacts(waited)) : namedLines(waited).join('\n')}\n`);
    if (waited.ready) return EXIT_OK;
    if (!flags.json) stderr.write(`  hint: ${namedHint(waited)}\n`);
    return EXIT_NOT_READY;
  } catch (error) {
    if (stop.aborted && error === stop.reason) return endedCode(stop);
    throw error;
  }
}

/** Of an enclave of this host that has this CID, unless the environment says itself how enclaves are reached. */
async function transportOf(cid: number, { env }: Surroundings): Promise<Transport | undefined> {
  const { findEnclave } = await import('@caisson/host/operator');
  // A state folder that cannot be read is no reason not to ask a CID.
  const { vsock } = await findEnclave(String(cid), env).catch(() => ({ vsock: undefined }));
  return vsock === undefined ? undefined : await openTransport(vsock);
}

async function openTransport(vsock: string): Promise<Transport> {
  const { openTransportFromEnvironment } = await import('@caisson/link/transport');
  const { createLinuxKernel } = await import('@caisson/sys');
  return openTransportFromEnvironment({ CAISSON_VSOCK: vsock }, createLinuxKernel());
}

/** A server of the application's own, by the way that its shim has written down. */
async function waitForPort(name: string, flags: Flags, surroundings: Surroundings): Promise<number> {
  const { openEnclaveSource } = await import('../enclave-source.ts');
  const { state } = await (await openEnclaveSource(surroundings)).find(name);
  if (state?.cid == null || state.vsock === null)
    throw new UsageError(`enclave ${name} must run to be asked on a port, it is ${state?.phase ?? 'not started'}`);
  return await wait(state.cid, flags, surroundings, await openTransport(state.vsock));
}

async function wait(cid: number, flags: Flags, surroundings: Surroundings, own?: Transport): Promise<number> {
  const { stdout, stderr, stop } = surroundings;
  const [deadlineMs, intervalMs] = await Promise.all([
    parseSeconds('--timeout', flags.timeout),
    parseSeconds('--interval', flags.interval),
  ]);
  const port = flags.port === undefined ? undefined : parsePortWord(flags.port);
  if (flags.keep !== undefined && flags.line === undefined) throw new UsageError('--keep needs --line');
  const session = await openSession(surroundings);
  const [transport, { say }] = [own ?? session.transport, session];
  const { NotReadyError, waitUntilReady } = await import('@caisson/host/ready');
  const { readyFacts, readyLines } = await import('../ready-report.ts');
  const text = (report: ReadyReport): string =>
    flags.json ? jsonText(readyFacts(report)) : readyLines(report).join('\n');
  const options = {
    cid,
    deadlineMs,
    intervalMs,
    transport,
    say,
    signal: stop,
    line: flags.line === true,
    ...(port === undefined ? {} : { port }),
    ...(flags.keep === undefined ? {} : { lastWordsFile: flags.keep }),
  };
  try {
    stdout.write(`${text(await waitUntilReady(options))}\n`);
    return EXIT_OK;
  } catch (error) {
    if (stop.aborted && error === stop.reason) return endedCode(stop);
    if (!(error instanceof NotReadyError)) throw error;
    stdout.write(`${text(error.report)}\n`);
    if (!flags.json) stderr.write(`  hint: ${error.hint}\n`);
    return EXIT_NOT_READY;
  }
}

function parseEnclave(word: string): number {
  const cid = parseCidWord(word);
  if (cid < FIRST_ENCLAVE_CID) throw new UsageError(`enclaves have CIDs from ${FIRST_ENCLAVE_CID}, got ${cid}`);
  return cid;
}

/** Milliseconds; a bare number is seconds, as in the tools that people know. */
async function parseSeconds(name: string, text: string): Promise<number> {
  const { parseDuration } = await import('@caisson/core/config');
  let ms = Number.NaN;
  try {
    ms = Math.ceil(parseDuration(/^[0-9]+(\.[0-9]+)?$/.test(text) ? `${text}s` : text));
  } catch {
    // Said below, in the words of this option.
  }
  if (ms > 0 && ms <= 86_400_000) return ms;
  throw new UsageError(`${name} must be seconds or a duration in (0, 24h], got ${JSON.stringify(text)}`);
}
