// What stages may touch of the process and the machine they run on, handed in so that tests can hand in something else.
import type { NitroVerbWorld } from '../nitro-verb/index.ts';
import type { RbuildsSettings } from './settings.ts';

export interface RbuildsWorld {
  /** Where `./eif` is made. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stop: AbortSignal;
  readonly builderVersion: string;
  /** One line for people. */
  say(line: string): void;
  ask(question: string): Promise<boolean>;
  /** Undefined where no enclaves can be run. `say` takes their notes. */
  readonly openEnclaves?: (say: (line: string) => void) => Promise<RbuildsEnclaves>;
  /** Root of the machine's own files (/etc, /proc); for tests. */
  readonly machineRoot?: string;
  /** Whose machine it is; for tests. */
  readonly uid?: number;
}

/** Enclaves of this machine as nitro-cli's verbs see them. */
export interface RbuildsEnclaves extends NitroVerbWorld {
  /** Prints the console until the enclave ends; without `follow`, what it has printed so far. */
  attach(name: string, options: { readonly follow: boolean; write(text: string): void }): Promise<void>;
}

export const STAGES = ['nitro', 'kernel', 'apps', 'init', 'eif', 'clear'] as const;
export type StageName = (typeof STAGES)[number];
export type Stage = (settings: RbuildsSettings, world: RbuildsWorld) => Promise<void>;
export type Stages = Readonly<Record<StageName, Stage>>;
