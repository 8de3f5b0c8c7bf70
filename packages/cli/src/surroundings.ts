// Everything a command may touch of the process it runs in, handed in so that tests can hand in something else.
import type { Readable, Writable } from 'node:stream';
import type { Command } from 'commander';

export interface Surroundings {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The name the program was called by: `caisson`, `argonaut`, `initctl`, `ip-to-vsock`, `rbuilds`, `vsock-to-ip`. */
  readonly name: string;
  /** SIGINT, SIGTERM and SIGHUP for commands that stay; aborting `stop` asks a long-running command to end. */
  readonly stop: AbortSignal;
  onReload(listener: () => void): void;
}

/**
 * One per command file: adds its commands to `program`. The library behind a command is imported inside its action, so that
 * `caisson --help` loads none. An action returns the exit code (nothing = 0) or throws; run.ts turns errors into codes.
 */
export type RegisterCommand = (program: Command, surroundings: Surroundings) => void;
