// The three questions of `caisson init`. Only where somebody can answer, and only those that no flag has answered; they go to stderr, so that stdout
// stays what was done.
import type { ReadStream } from 'node:tty';
import { NAME_FORM, NAME_RULE } from '@caisson/core/address';
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
  const ask = async (question: string, standard: string, rule = '', isRight = (_: string) => true): Promise<string> => {
    for (;;) {
      stderr.write(`${question} [${standard}]: `);
      const line = await lines.next(stop);
      if (line === undefined) throw new UsageError(`an answer must come to: ${question}, got the end of the input`);
      const answer = line.trim() || standard;
      if (isRight(answer)) return answer;
      stderr.write(`it must be ${rule}\n`);
    }
  };
  const program = suggested.runs === '' ? 'what is there, or a small one' : suggested.runs;
  try {
    const name =
      given.name ?? (await ask('name of the enclave', suggested.name, NAME_RULE, (text) => NAME_FORM.test(text)));
    const run = given.run ?? (await ask('a command, or an image (docker://NAME, FILE.tar)', program));
    const answer =
      given.port ??
      (await ask('port that it serves on, or none', port, portRule, (text) => portOf(text) !== undefined));
    return { name, runs: run === program ? suggested.runs : run, port: parsePort(answer) };
  } finally {
    lines.close();
  }
}

const portRule = 'an integer in 1..65535, or none';

function portOf(text: string): number | null | undefined {
  if (text === 'none') return null;
  return /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535 ? Number(text) : undefined;
}

function parsePort(text: string): number | null {
  const port = portOf(text);
  if (port !== undefined) return port;
  throw new UsageError(`--port must be ${portRule}, got ${JSON.stringify(text)}`);
}
