// What an image runs. Docker hands CMD to ENTRYPOINT as arguments; nitro-cli takes CMD where it is set and ENTRYPOINT otherwise, never
// both, and images made for it rely on that.
import type { ImageConfig } from '../tree/index.ts';

export type CommandRule = 'docker' | 'nitro-cli';

/** null when the image names no command. */
export function commandOf(config: ImageConfig, rule: CommandRule = 'docker'): readonly string[] | null {
  const [entrypoint, cmd] = [config.entrypoint ?? [], config.cmd ?? []];
  const words = rule === 'docker' ? [...entrypoint, ...cmd] : cmd.length > 0 ? cmd : entrypoint;
  return words.length > 0 ? words : null;
}
