// `caisson host`: the parent's side of argonaut. Sends the config to the enclave, then carries traffic until it is stopped.
import type { Command } from 'commander';
import { openSession, parseCidWord } from '../argonaut-session.ts';
import { withArgonautUsage } from '../argonaut-usage.ts';
import { configFormOf, withConfigForm } from '../config-form.ts';
import { untilStopped } from '../ended-by.ts';
import { withExitAction } from '../exit-action.ts';
import { EXIT_NOT_READY, UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly configTimeout: string;
  readonly allowMetadata?: true;
  readonly raw?: true;
  readonly framed?: true;
}

export const register: RegisterCommand = (program, surroundings) => {
  const host: Command = withArgonautUsage(program, surroundings)
    .command('host <cid> <config-file>')
    .description('send the config to the enclave, then bridge HTTP into it and its endpoints out of it')
    .option('--config-timeout <duration>', 'how long the enclave may take to open its config port', '30s')
    .option('--allow-metadata', 'let endpoints reach services that hand out this machine’s credentials');
  if (surroundings.name !== 'argonaut') withConfigForm(host);
  withExitAction(host, (cid: string, configFile: string, flags: Flags) =>
    runCommand(cid, configFile, flags, surroundings),
  );
  withArgonautUsage(host, surroundings);
};

async function runCommand(cid: string, configFile: string, flags: Flags, surroundings: Surroundings): Promise<number> {
  const { env, name, stderr, stop } = surroundings;
  const enclave = parseCidWord(cid, 'invalid enclave CID');
  const configTimeoutMs = await readTimeout(flags.configTimeout);
  const { runHost } = await import('@caisson/host/argonaut');
  const session = await openSession(surroundings);
  const allowMetadata = flags.allowMetadata ?? false;
  const configForm = configFormOf(flags);
  try {
    const work = runHost({
      ...session,
      cid: enclave,
      configFile,
      configTimeoutMs,
      configForm,
      allowMetadata,
      env,
      stop,
    });
    return await untilStopped(work, stop);
  } catch (error) {
    // The one failure with an exit code of its own: 3, not ready in time.
    if (name !== 'caisson' || (error as { code?: unknown }).code !== 'HOST_CONFIG_PORT') throw error;
    const { hintOfError } = await import('@caisson/host/explain');
    const hint = hintOfError(error);
    stderr.write(`${name}: ${(error as Error).message}\n${hint === undefined ? '' : `  hint: ${hint}\n`}`);
    return EXIT_NOT_READY;
  }
}

// Given: the longest delay of a timer in Node.
const longestTimeoutMs = 0x7fffffff;

async function readTimeout(text: string): Promise<number> {
  const { parseDuration } = await import('@caisson/core/config');
  let timeoutMs: number;
  try {
    timeoutMs = Math.ceil(parseDuration(text, '--config-timeout'));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  if (timeoutMs < 1 || timeoutMs > longestTimeoutMs) {
    throw new UsageError(`--config-timeout must be in 1ms..${longestTimeoutMs}ms, got ${text}`);
  }
  return timeoutMs;
}
