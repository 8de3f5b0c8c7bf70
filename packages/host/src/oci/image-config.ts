// An image's configuration in the words of this house. Empty words say nothing, as Docker reads them.
import type { ImageConfig } from '../tree/index.ts';
import type { RawImageConfig } from './manifest.ts';
import { architectureOf } from './platform.ts';

export function createImageConfig({ architecture, config }: RawImageConfig): ImageConfig {
  return {
    entrypoint: filled(config?.Entrypoint),
    cmd: filled(config?.Cmd),
    env: config?.Env ?? [],
    workingDir: config?.WorkingDir || null,
    user: config?.User || null,
    architecture: architectureOf(architecture),
  };
}

function filled(words: readonly string[] | null | undefined): readonly string[] | null {
  return words && words.length > 0 ? words : null;
}
