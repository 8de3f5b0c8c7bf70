// What a Dockerfile starts from: the image of its FROM, and its context without what .dockerignore leaves out.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError, PolicyError } from '@caisson/core/errors';
import { type OciOptions, openOciSource } from '../oci/index.ts';
import { type OpenedSource, openFolder, type RootTree } from '../tree/index.ts';
import type { DockerfileErrorCode } from './error-code.ts';
import { refused } from './fault.ts';
import { parseIgnore } from './ignore.ts';
import { form, type Instruction, MAX_DOCKERFILE_BYTES } from './parse.ts';
import { expandText, splitWords, type WordRules } from './words.ts';

export const architectures = { x86_64: 'amd64', aarch64: 'arm64' } as const;

export async function openBase(
  { line, text, flags }: Instruction,
  words: WordRules,
  folder: string,
  options: OciOptions,
): Promise<OpenedSource | undefined> {
  const [image = '', ...more] = splitWords(text, words);
  if (image === '') throw form(line, 'FROM must name an image');
  if (more.length > 0 && !(more.length === 2 && more[0]!.toUpperCase() === 'AS')) {
    throw form(line, `FROM must be IMAGE or IMAGE AS NAME, got ${JSON.stringify(text.slice(0, 60))}`);
  }
  for (const name of flags.keys()) if (name !== 'platform') throw refused(line, `FROM --${name} is not carried out`);
  const platform = expandText(flags.get('platform') ?? '', words);
  const own = `linux/${architectures[options.architecture!]}`;
  if (platform !== '' && platform !== own && !platform.startsWith(`${own}/`)) {
    throw refused(line, `FROM must be for ${own}, got ${platform}`);
  }
  if (image === 'scratch') return undefined;
  const [, scheme, path] = /^(oci|oci-archive|docker-archive):(?!\/\/)(.*)$/.exec(image) ?? [];
  // Paths of a Dockerfile are those of its context.
  if (scheme !== undefined)
    return await openOciSource(`${scheme}:${path!.startsWith('/') ? path : join(folder, path!)}`, options);
  return await openOciSource(`docker://${image}`, options);
}

export function readContext(folder: string, file: string, exclude: readonly string[] = []): RootTree {
  const path = [`${file}.dockerignore`, join(folder, '.dockerignore')].find((one) => existsSync(one));
  const { tree } = openFolder(folder, { as: 'folder', exclude });
  if (path === undefined) return tree;
  const rules = parseIgnore(readText(path));
  return new Map(
    [...tree]
      .filter(([one, entry]) => entry.kind === 'directory' || !rules.isIgnored(one))
      .filter(
        ([one, entry], _, kept) =>
          entry.kind !== 'directory' || !rules.isIgnored(one) || kept.some(([other]) => other.startsWith(`${one}/`)),
      ),
  );
}

export function readText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size <= MAX_DOCKERFILE_BYTES) return readFileSync(path, 'utf8');
    throw new PolicyError<DockerfileErrorCode>(
      'DOCKERFILE_FILE',
      `${path} must have at most ${MAX_DOCKERFILE_BYTES} bytes, got ${size}`,
    );
  } catch (cause) {
    if (cause instanceof CaissonError) throw cause;
    throw new CaissonError<DockerfileErrorCode>(
      'DOCKERFILE_FILE',
      `cannot read ${path}: ${(cause as NodeJS.ErrnoException).code}`,
      { cause },
    );
  }
}
