// What every verb has at hand.
import type { HostLook, ShimDoor } from './engine-interface.ts';
import type { OnEvent } from './event.ts';

export interface EngineContext {
  readonly state: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What `${NAME}` stands for in the caisson.yaml of this command. Never the environment of anything that is started. */
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly words: readonly string[];
  readonly version: string;
  readonly shims: ShimDoor;
  readonly host: HostLook | undefined;
  readonly onEvent: OnEvent;
  readonly signal: AbortSignal | undefined;
  /** Called when the command has ended, however it ends. */
  readonly hold: (release: () => Promise<void>) => void;
}
