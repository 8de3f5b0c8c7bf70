// One command of an enclave with the streams of this process: bytes as they are, signals passed on, a terminal made raw and given back.

import type { ReadStream, WriteStream } from 'node:tty';
import type { ControlSession } from '@caisson/link/control';
import { exitCodeOfEnd, runCommand } from '@caisson/link/pipeline';
import { type CommandFlags, requestOf } from './pipeline-session.ts';
import type { Surroundings } from './surroundings.ts';
import { standardSize } from './terminal-size.ts';

export interface RunFlags extends CommandFlags {
  readonly interactive?: true;
  readonly tty?: true;
}

const signals: Readonly<Record<string, number>> = { SIGINT: 2, SIGTERM: 15 };

/** The command's own exit code, 128 + n for its signal. */
export async function runRemote(
  { channel }: ControlSession,
  argv: readonly string[],
  flags: RunFlags,
  { stdin, stdout, stderr, stop }: Surroundings,
): Promise<number> {
  const [input, output] = [stdin as ReadStream, stdout as WriteStream];
  const sizeOf = () => (output.isTTY ? { columns: output.columns, rows: output.rows } : standardSize);
  const hasInput = flags.interactive === true;
  const terminal = flags.tty === true ? sizeOf() : null;
  const request = await requestOf(argv, flags, { terminal, hasInput });
  const isRaw = terminal !== null && hasInput && input.isTTY;
  const command = await runCommand(channel, request, { stdin: hasInput ? stdin : null, stdout, stderr });
  const onStop = (): void => command.signal(signals[String(stop.reason)] ?? 15);
  const onResize = (): void => command.resize(sizeOf());
  stop.addEventListener('abort', onStop, { once: true });
  if (stop.aborted) onStop();
  if (terminal !== null) output.on('resize', onResize);
  if (isRaw) input.setRawMode(true);
  try {
    return exitCodeOfEnd(await command.ended);
  } finally {
    if (isRaw) input.setRawMode(false);
    output.off('resize', onResize);
    stop.removeEventListener('abort', onStop);
    // An open stdin that nobody reads must not keep this process alive.
    if (hasInput) (stdin as { unref?: () => void }).unref?.();
  }
}
