// `caisson wait`: until an enclave says that it is ready. Exit 0, or 3 with the last phase, the reasons and what the port did.
import { FIRST_ENCLAVE_CID } from '@caisson/core/address';
import type { ReadyReport } from '@caisson/host/ready';
import { openSession, parseCidWord, parsePortWord } from '../argonaut-session.ts';
import { withExitAction } from '../exit-action.ts';
import { EXIT_NOT_READY, EXIT_OK, UsageError } from '../exit-code.ts';
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
    .command('wait <cid>')
    .description('wait until an enclave is ready, not only connected; exit 3 with the reason when it is not in time')
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
  withExitAction(command, (cidWord: string, flags: Flags) => wait(cidWord, flags, surroundings));
};

async function wait(cidWord: string, flags: Flags, surroundings: Surroundings): Promise<number> {
  const { stdout, stderr, stop } = surroundings;
  const cid = parseEnclave(cidWord);
  const [deadlineMs, intervalMs] = await Promise.all([
    parseSeconds('--timeout', flags.timeout),
    parseSeconds('--interval', flags.interval),
  ]);
  const port = flags.port === undefined ? undefined : parsePortWord(flags.port);
  if (flags.keep !== undefined && flags.line === undefined) throw new UsageError('--keep needs --line');
  const { transport, say } = await openSession(surroundings);
  const { NotReadyError, waitUntilReady } = await import('@caisson/host/ready');
  const { readyFacts, readyLines } = await import('../ready-report.ts');
  const text = (report: ReadyReport): string =>
    flags.json ? JSON.stringify(readyFacts(report)) : readyLines(report).join('\n');
  const options = {
    ...{ cid, deadlineMs, intervalMs, transport, say, signal: stop, line: flags.line === true },
    ...(port === undefined ? {} : { port }),
    ...(flags.keep === undefined ? {} : { lastWordsFile: flags.keep }),
  };
  try {
    stdout.write(`${text(await waitUntilReady(options))}\n`);
    return EXIT_OK;
  } catch (error) {
    if (stop.aborted && error === stop.reason) return stop.reason === 'SIGINT' ? 130 : 143;
    if (!(error instanceof NotReadyError)) throw error;
    stdout.write(`${text(error.report)}\n`);
    if (!flags.json) stderr.write(`  hint: ${error.hint}\n`);
    return EXIT_NOT_READY;
  }
}

function parseEnclave(word: string): number {
  if (/^[a-z][a-z0-9-]{0,62}$/.test(word)) {
    throw new UsageError(
      `cannot wait for ${word} by name: no enclave of this host has one yet`,
      'give the CID that run-enclave printed',
    );
  }
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
