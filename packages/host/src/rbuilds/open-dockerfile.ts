// What an image is made of: a Dockerfile, carried out here where it is plain and by a container engine where it is not; without one,
// nothing but what rbuilds itself puts in.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { buildDockerfile, whyNotPlain } from '../dockerfile/index.ts';
import { openOciSource } from '../oci/index.ts';
import type { Architecture } from '../runtime/index.ts';
import type { OpenedSource } from '../tree/index.ts';
import { buildByEngine } from './container-engine.ts';
import type { RbuildsErrorCode } from './error-code.ts';
import type { RbuildsWorld } from './world.ts';

/** Given: the reference's. */
const defaultDockerfile = 'pipeline-al2023.dockerfile';
// Chosen: the interpreter's own.
const maxDockerfileBytes = 262_144;

export interface FoundDockerfile {
  readonly path: string;
  readonly text: string;
}

/** null: none was named and the default is not there. Throws CaissonError RBUILDS_OPTION. */
export function findDockerfile(named: string | null, folder: string): FoundDockerfile | null {
  const path = resolve(folder, named ?? defaultDockerfile);
  if (named === null && !existsSync(path)) return null;
  const size = statSync(path, { throwIfNoEntry: false })?.isFile() ? statSync(path).size : undefined;
  if (size !== undefined && size <= maxDockerfileBytes) return { path, text: readFileSync(path, 'utf8') };
  throw new CaissonError<RbuildsErrorCode>(
    'RBUILDS_OPTION',
    `--dockerfile ${path} must be a file of at most ${maxDockerfileBytes} bytes, got ${size ?? 'none'}`,
  );
}

/** `leaveOut`: paths of the folder that are no part of the context. The caller closes it. */
export async function openDockerfile(
  found: FoundDockerfile | null,
  architecture: Architecture,
  leaveOut: readonly string[],
  world: Pick<RbuildsWorld, 'folder' | 'env' | 'stop' | 'say'>,
): Promise<OpenedSource> {
  const { folder, env, say } = world;
  if (found === null) {
    say(`no ${defaultDockerfile} here and no --dockerfile: the image is /apps alone`);
    const config = { entrypoint: null, cmd: null, env: [], workingDir: null, user: null, architecture };
    return { kind: 'oci', tree: new Map(), config, inputs: [], close: async () => {} };
  }
  const options = { architecture, env, onProgress: say };
  const why = whyNotPlain(found.text);
  // Given: the folder is the context, wherever the file is.
  if (why === undefined) return await buildDockerfile(folder, { ...options, file: found.path, exclude: leaveOut });
  const place = mkdtempSync(join(tmpdir(), 'caisson-rbuilds-'));
  try {
    const reference = await buildByEngine(found.path, folder, join(place, 'image.tar'), why, world);
    const source = await openOciSource(reference, options);
    return {
      ...source,
      async close() {
        await source.close();
        rmSync(place, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(place, { recursive: true, force: true });
    throw error;
  }
}

// Given: names of shells.
const shells = /(?:^|\/)(?:ba|da|a|z)?sh$/;

/** A base image's own command is a shell for people: without a terminal it ends at once, and the enclave with it. */
export function withoutBareShell(source: OpenedSource, say: (line: string) => void): OpenedSource {
  const { config } = source;
  const words = [...(config?.entrypoint ?? []), ...(config?.cmd ?? [])];
  if (config === null || !shells.test(words[0] ?? '') || words.slice(1).some((word) => !/^-[il]+$/.test(word))) {
    return source;
  }
  say(`warning: ${words.join(' ')} is no command for an enclave, which has no terminal: the image gets none`);
  return { ...source, config: { ...config, entrypoint: null, cmd: null } };
}
