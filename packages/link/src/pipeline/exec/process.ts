// A process as the pipeline sees it. Who starts it (PID 1 in an enclave) is handed in.
import type { Readable, Writable } from 'node:stream';
import type { CommandRequest, TerminalSize } from './request.ts';

export type CommandEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: number };

export interface RunningCommand {
  readonly pid: number;
  /** null: it reads /dev/null. Ending it ends the command's input; of a terminal it does nothing. */
  readonly stdin: Writable | null;
  readonly stdout: Readable;
  /** null: a terminal has one stream. */
  readonly stderr: Readable | null;
  /** Resolves when it has ended; what it wrote may still be on its way in the streams. Never rejects. */
  readonly ended: Promise<CommandEnd>;
  /** To it and what it started; nothing happens when it has ended. */
  signal(number: number): void;
  resize(size: TerminalSize): void;
  /** Gives back what it took here; a command that still runs goes on. */
  release(): void;
}

export interface CommandStarter {
  /** `variables` are allowed already. Rejects CaissonError PIPELINE_START. */
  start(request: CommandRequest, variables: Readonly<Record<string, string>>): Promise<RunningCommand>;
}

/** docs/exec.md. */
export function exitCodeOfEnd(end: CommandEnd): number {
  return end.kind === 'exit' ? end.code : 128 + end.signal;
}

/** Two bytes: 0 and the code, or 1 and the signal. */
export function encodeEnd(end: CommandEnd): Uint8Array {
  return end.kind === 'exit' ? Uint8Array.of(0, end.code) : Uint8Array.of(1, end.signal);
}

/** undefined for what is neither. */
export function parseEnd(bytes: Uint8Array): CommandEnd | undefined {
  const [kind, number = 0] = bytes;
  if (bytes.length !== 2 || (kind !== 0 && kind !== 1)) return undefined;
  return kind === 0 ? { kind: 'exit', code: number } : { kind: 'signal', signal: number };
}
