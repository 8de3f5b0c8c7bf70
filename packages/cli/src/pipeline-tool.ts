// What a command line of `pipeline` does, once its settings are found: one session, one piece of work.
import { CaissonError } from '@caisson/core/errors';
import { splitWords } from '@caisson/core/measured';
import { startJob } from '@caisson/link/pipeline';
import { openControlSession } from './control-flag.ts';
import { EXIT_OK, UsageError } from './exit-code.ts';
import { requestOf } from './pipeline-session.ts';
import { describeCopy, runCopy } from './run-copy.ts';
import { runRemote } from './run-remote.ts';
import type { Surroundings } from './surroundings.ts';

export interface PipelineToolFlags {
  readonly cid?: string;
  readonly port?: string;
  readonly key?: string;
  readonly policy?: string;
}

export type PipelineAct =
  | { readonly kind: 'run'; readonly argv: readonly string[]; readonly wait: boolean }
  | {
      readonly kind: 'copy';
      readonly direction: 'in' | 'out';
      readonly local: string;
      readonly remote: string;
      readonly recursive: boolean;
    };

export async function runTool(
  flags: PipelineToolFlags,
  tool: { readonly config?: string },
  surroundings: Surroundings,
  act: PipelineAct,
): Promise<number> {
  const { env, stderr, stdout } = surroundings;
  const { choosePipelineSettings, findPipelineConfig, readPipelineConfig } = await import('@caisson/host/pipeline');
  const file = tool.config ?? env['PIPELINE_CONFIG'] ?? findPipelineConfig();
  const settings = choosePipelineSettings(flags, env, file === undefined ? {} : await readPipelineConfig(file));
  const { cid, port, key, policy } = settings;
  const terms = { port, ...(key !== undefined && { operator: key }), ...(policy !== undefined && { policy }) };
  const session = await openControlSession(String(cid), terms, surroundings).catch((error: unknown) => {
    throw withWays(error, cid, key);
  });
  try {
    if (act.kind === 'copy') {
      const beganMs = performance.now();
      const { kind, ...sides } = act;
      const result = await runCopy(session, { ...sides, resume: false, checksum: false, into: false }, surroundings);
      stderr.write(`${describeCopy(result, (performance.now() - beganMs) / 1_000)}\n`);
      return EXIT_OK;
    }
    if (act.wait) return await runRemote(session, act.argv, {}, surroundings);
    const request = await requestOf(act.argv, {}, { terminal: null, hasInput: false });
    stdout.write(`${await startJob(session.channel, request)}\n`);
    return EXIT_OK;
  } finally {
    await session.close();
  }
}

/** Under this name an error has no line of advice of its own, and the options for policy and key have other names. */
function withWays(error: unknown, cid: number, key: string | undefined): unknown {
  if (!(error instanceof CaissonError)) return error;
  if (error instanceof UsageError && error.message.startsWith('a policy must say')) {
    const ways = `--policy FILE, policy in the config file, or ~/.config/caisson/policies/${cid}.yaml`;
    return new UsageError(`${error.message}: give ${ways}`);
  }
  if (error.code !== 'OPERATOR_KEY_FILE' || key !== undefined) return error;
  const ways = 'give --key NAME, key in the config file, or PIPELINE_KEY; caisson operator list shows which there are';
  return new CaissonError(error.code, `${error.message}: ${ways}`, { cause: error });
}

const shellMarks = /[|&;<>()$`*?~\n]/;

/** Throws UsageError for both and for none, and for a line that means something to a shell: none is run unless it is named. */
export function wordsOf(words: readonly string[], line: string | undefined): readonly string[] {
  if (line === undefined && words.length > 0) return words;
  if (line === undefined || words.length > 0) throw new UsageError('give -- CMD ARGS, or --command LINE');
  const split = splitWords(line);
  if ('message' in split) throw new UsageError(`--command ${split.message}, at character ${split.at}`);
  if (split.length === 0) throw new UsageError('--command must hold a command');
  if (shellMarks.test(line.replace(/'[^']*'|"(?:\\.|[^"\\])*"|\\./g, ''))) {
    throw new UsageError(
      `--command runs no shell, got ${JSON.stringify(line)}: name one, as in -- sh -c ${JSON.stringify(line)}`,
    );
  }
  return split;
}
