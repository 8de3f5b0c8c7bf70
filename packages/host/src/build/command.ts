// What an image runs. The words of the user come first, then what the source says by itself: a container image's ENTRYPOINT and CMD, or
// the `main` of a package.json. Nothing is guessed from names of files.
import { CaissonError, LimitError } from '@caisson/core/errors';
import { commandOf } from '../oci/index.ts';
import { findProgram } from '../service/find-program.ts';
import type { OpenedSource, RootTree } from '../tree/index.ts';
import type { BuildErrorCode } from './error-code.ts';
import { readTreeText } from './read-tree-text.ts';
import type { BuildSettings } from './settings.ts';

export interface ImageCommand {
  /** Empty: the image was built without one. */
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  readonly user: string | null;
  /** Whether `argv` needs the image's own node. */
  readonly needsNode: boolean;
  /** Why there is no command; only where there is none. */
  readonly missing?: string;
}

// Given: PID 1's bounds of /cmd and /env (docs/pid1.md), which are those of the files in AWS's layout.
const maxBytes = 65_535;
const maxLines = 1_024;
// Given: PATH of a container without one.
const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const maxPackageBytes = 1_048_576;
export const APPLICATION_FOLDER = 'app';
export const NODE_PATH = '/usr/bin/node';

/** Throws CaissonError BUILD_COMMAND, BUILD_SOURCE, LimitError BUILD_COMMAND. */
export async function resolveCommand(settings: BuildSettings, source: OpenedSource): Promise<ImageCommand> {
  const { config } = source;
  const isFolder = source.kind === 'folder';
  const own = isFolder ? await commandOfPackage(source.tree) : commandOfContainer(source, settings);
  const argv = settings.command ?? own.argv;
  const environment = {
    PATH: defaultPath,
    ...(isFolder && { HOME: '/' }),
    ...parseEnvironment(config?.env ?? []),
    ...settings.environment,
  };
  requireLines('command', argv);
  requireLines(
    'environment',
    Object.entries(environment).map((pair) => pair.join('=')),
  );
  return {
    argv,
    environment,
    workingDirectory: settings.workingDirectory ?? (isFolder ? `/${APPLICATION_FOLDER}` : config?.workingDir || '/'),
    user: settings.user ?? (config?.user || null),
    needsNode: isFolder && (argv[0] === 'node' || argv[0] === NODE_PATH),
    ...(argv.length === 0 && own.missing !== undefined && { missing: own.missing }),
  };
}

/** With the supervisor the compiler of services asks this. Throws CaissonError BUILD_COMMAND. */
export function requireProgram(tree: RootTree, { argv, environment }: ImageCommand): void {
  const [word] = argv;
  if (word === undefined) return;
  const found = findProgram(tree, word, { workingDirectory: '/', searchPath: environment['PATH'] });
  if ('missing' in found) throw fault(`command must be a program of the image, got ${word}: ${found.missing}`);
}

function commandOfContainer(
  { kind, config }: OpenedSource,
  { nitroCliCompat }: BuildSettings,
): { argv: readonly string[]; missing?: string } {
  const argv = (config && commandOf(config, nitroCliCompat ? 'nitro-cli' : 'docker')) ?? [];
  const what =
    kind === 'rootfs' ? 'a root file system says none' : 'the container image has neither ENTRYPOINT nor CMD';
  return argv.length > 0 ? { argv } : { argv, missing: what };
}

async function commandOfPackage(tree: RootTree): Promise<{ argv: readonly string[]; missing?: string }> {
  if (!tree.has('package.json')) return { argv: [], missing: 'the folder has no package.json' };
  const text = await readTreeText(tree, 'package.json', maxPackageBytes);
  let main: unknown;
  try {
    main = (JSON.parse(text) as { main?: unknown } | null)?.main;
  } catch (cause) {
    throw fault(`package.json must be JSON: ${cause instanceof Error ? cause.message : cause}`);
  }
  if (main === undefined) return { argv: [], missing: 'package.json has no main' };
  if (typeof main !== 'string' || main === '') throw fault('main of package.json must be the path of a file');
  const path = main.replace(/^\.\//, '');
  if (tree.get(path)?.kind !== 'file') {
    throw fault(`main of package.json must be a file of the source, got ${JSON.stringify(main)}`);
  }
  return { argv: [NODE_PATH, `/${APPLICATION_FOLDER}/${path}`] };
}

function parseEnvironment(lines: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    lines.map((line) => {
      const at = line.indexOf('=');
      if (at > 0) return [line.slice(0, at), line.slice(at + 1)];
      throw fault(`environment of the container image must be NAME=value, got ${JSON.stringify(line)}`);
    }),
  );
}

/** AWS's layout has one a line: what holds a newline would be two, and PID 1 takes no more than this. */
function requireLines(what: string, lines: readonly string[]): void {
  for (const line of lines) {
    if (/[\n\0]/.test(line)) {
      throw fault(`${what} must have no newline or NUL in a word, got ${JSON.stringify(line.slice(0, 80))}`);
    }
    if (line === '') throw fault(`${what} must have no empty word`);
  }
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line) + 1, 0);
  if (bytes > maxBytes || lines.length > maxLines) {
    throw new LimitError<BuildErrorCode>(
      'BUILD_COMMAND',
      `${what} must have at most ${maxBytes} bytes and ${maxLines} words, got ${bytes} and ${lines.length}`,
    );
  }
}

function fault(message: string): CaissonError<BuildErrorCode> {
  return new CaissonError('BUILD_COMMAND', message);
}
