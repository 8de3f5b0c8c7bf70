// Carries out a plain Dockerfile without a container engine: one FROM, then files and settings. What needs a running system (RUN) or
// a network of its own (ADD of a URL) is refused with its line, before anything is made.
import { join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import type { OciOptions } from '../oci/index.ts';
import type { OpenedSource, RootTree } from '../tree/index.ts';
import { refused } from './fault.ts';
import { architectures, openBase, readContext, readText } from './open-base.ts';
import { form, type Instruction, parseDockerfile } from './parse.ts';
import { declareArg } from './setting.ts';
import { rulesOf, Stage } from './stage.ts';

export interface DockerfileOptions extends OciOptions {
  /** Default `Dockerfile` in the folder. */
  readonly file?: string;
  /** Values of ARG. */
  readonly args?: Readonly<Record<string, string>>;
  /** Paths of the folder that are no part of the context, with what is below them: what a build itself writes there. */
  readonly exclude?: readonly string[];
}

// Instructions about containers that mean nothing to an enclave.
const withoutEffect = new Set(['LABEL', 'EXPOSE', 'MAINTAINER', 'STOPSIGNAL', 'HEALTHCHECK', 'VOLUME']);
const known = new Set([
  ...withoutEffect,
  'FROM',
  'ARG',
  'ENV',
  'COPY',
  'ADD',
  'CMD',
  'ENTRYPOINT',
  'WORKDIR',
  'USER',
  'SHELL',
]);

/** Whether `buildDockerfile` can carry it out; otherwise the reason, with its line. */
export function whyNotPlain(text: string): string | undefined {
  try {
    requirePlain(parseDockerfile(text).instructions);
    return undefined;
  } catch (error) {
    if (error instanceof CaissonError) return error.message;
    throw error;
  }
}

/** `folder` is the context. The caller closes what it gets. Throws errors of DOCKERFILE_*, OCI_*, TREE_* and LAYER_*. */
export async function buildDockerfile(folder: string, options: DockerfileOptions = {}): Promise<OpenedSource> {
  const file = options.file ?? join(folder, 'Dockerfile');
  const { escapeChar, instructions } = parseDockerfile(readText(file));
  const steps = requirePlain(instructions);
  const architecture = options.architecture ?? (process.arch === 'arm64' ? 'aarch64' : 'x86_64');
  const given = new Map(Object.entries(options.args ?? {}));
  const target = architectures[architecture];
  const automatic = new Map([
    ['TARGETARCH', target],
    ['TARGETOS', 'linux'],
    ['TARGETPLATFORM', `linux/${target}`],
  ]);
  const globals = new Map<string, string>();
  const before = steps.slice(
    0,
    steps.findIndex(({ keyword }) => keyword === 'FROM'),
  );
  for (const one of before) declareArg(one, globals, given, rulesOf(one, escapeChar, globals, automatic));
  const from = steps[before.length]!;
  const base = await openBase(from, rulesOf(from, escapeChar, globals, automatic), folder, {
    ...options,
    architecture,
  });
  try {
    const context = readContext(folder, file, options.exclude);
    const stage = new Stage(base, { context, escapeChar, given, automatic, globals, limits: options });
    for (const one of steps.slice(before.length + 1)) await stage.carryOut(one);
    const { state } = stage;
    const ignored = steps.filter(
      ({ keyword }) => withoutEffect.has(keyword) && keyword !== 'LABEL' && keyword !== 'EXPOSE',
    );
    return {
      kind: base?.kind ?? 'oci',
      tree: withOrigins(stage.tree, base?.tree),
      config: {
        entrypoint: state.entrypoint,
        cmd: state.cmd,
        env: [...state.env].map(([name, value]) => `${name}=${value}`),
        workingDir: state.workingDir === '/' ? null : state.workingDir,
        user: state.user,
        architecture: base?.config?.architecture ?? architecture,
      },
      inputs: base?.inputs ?? [],
      warnings: [
        ...(base?.warnings ?? []),
        ...ignored.map(({ keyword, line }) => `Dockerfile line ${line}: ${keyword} has no effect in an enclave`),
      ],
      close: async () => await base?.close(),
    };
  } catch (error) {
    await base?.close();
    throw error;
  }
}

function requirePlain(instructions: readonly Instruction[]): readonly Instruction[] {
  const stages = instructions.filter(({ keyword }) => keyword === 'FROM');
  for (const { keyword, line, text } of instructions) {
    if (keyword === 'RUN' || keyword === 'ONBUILD') {
      throw refused(
        line,
        `${keyword} needs a container engine`,
        'install docker, buildah, podman or buildctl, or build the image elsewhere and give its archive',
      );
    }
    if (!known.has(keyword)) throw form(line, `there is no instruction ${JSON.stringify(keyword.slice(0, 20))}`);
    if (/<<-?["']?[A-Za-z_]/.test(text) && (keyword === 'COPY' || keyword === 'ADD')) {
      throw refused(line, 'here-documents are not carried out', 'put the text into a file of the context');
    }
  }
  if (stages.length !== 1) {
    const where = stages[1]?.line ?? 1;
    throw stages.length === 0
      ? form(where, 'a Dockerfile must have one FROM')
      : refused(
          where,
          `several stages need a container engine, got ${stages.length}`,
          'without RUN one stage is enough',
        );
  }
  const first = instructions.find(({ keyword }) => keyword !== 'ARG');
  if (first?.keyword !== 'FROM') throw form(first!.line, `FROM must come before ${first!.keyword}`);
  return instructions;
}

/** The layer that each entry of the base is from, for the manifest. */
function withOrigins(tree: RootTree, base: RootTree | undefined): RootTree {
  return new Map(
    [...tree].map(([path, entry]) => [
      path,
      entry.origin === 'base' ? { ...entry, origin: base?.get(path)?.origin ?? 'base' } : entry,
    ]),
  );
}
