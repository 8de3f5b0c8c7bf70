// What every verb of the engine is given.
import type { HostLook, ShimDoor } from './engine-interface.ts';
import type { OnEvent } from './event.ts';

export interface EngineContext {
  readonly state: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Values for `${NAME}` in the caisson.yaml of this command. They never become the environment of a process. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly words: readonly string[];
  readonly version: string;
  readonly shims: ShimDoor;
  readonly host: HostLook | undefined;
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal | undefined;
  /** Registers what to do when the command ends, with or without an error. */
  readonly hold: (release: () => Promise<void>) => void;
}
