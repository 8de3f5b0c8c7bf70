// The three questions of `caisson init`. Only where somebody can answer, and only those that no flag has answered; they go to stderr, so that stdout
// stays what was done.
import type { ReadStream } from 'node:tty';
import type { FirstFileAnswers } from '@caisson/host/compose';
import { UsageError } from './exit-code.ts';
import { createLineReader } from './line-reader.ts';
import type { Surroundings } from './surroundings.ts';

interface Given {
  readonly name?: string;
  readonly run?: string;
  readonly port?: string;
  readonly yes?: true;
  readonly json?: true;
}

/** Throws UsageError. */
export async function askFirstFile(
  suggested: FirstFileAnswers,
  given: Given,
  { stdin, stderr, stop }: Pick<Surroundings, 'stdin' | 'stderr' | 'stop'>,
): Promise<FirstFileAnswers> {
  const port = suggested.port === null ? 'none' : String(suggested.port);
  if (given.yes || given.json || (stdin as Partial<ReadStream>).isTTY !== true) {
    return {
      name: given.name ?? suggested.name,
      runs: given.run ?? suggested.runs,
      port: parsePort(given.port ?? port),
    };
  }
  const lines = createLineReader(stdin);
  const ask = async (question: string, standard: string): Promise<string> => {
    stderr.write(`${question} [${standard}]: `);
    const line = await lines.next(stop);
    if (line === undefined) throw new UsageError(`an answer must come to: ${question}, got the end of the input`);
    return line.trim() || standard;
  };
  const program = suggested.runs === '' ? 'what is there, or a small one' : suggested.runs;
  try {
    const name = given.name ?? (await ask('name of the enclave', suggested.name));
    const run = given.run ?? (await ask('a command, or an image (docker://NAME, FILE.tar)', program));
    const answer = given.port ?? (await ask('port that it serves on, or none', port));
    return { name, runs: run === program ? suggested.runs : run, port: parsePort(answer) };
  } finally {
    lines.close();
  }
}

function parsePort(text: string): number | null {
  if (text === 'none') return null;
  if (/^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535) return Number(text);
  throw new UsageError(`--port must be an integer in 1..65535 or none, got ${JSON.stringify(text)}`);
}
