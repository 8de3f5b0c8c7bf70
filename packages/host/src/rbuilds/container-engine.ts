// Dockerfiles that need a running system: the first container engine that works here builds them, and hands over an archive. An engine
// counts when it answers, not when its program is there: a docker without its daemon is none.
import { randomBytes } from 'node:crypto';
import { basename, dirname, resolve } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import type { RbuildsErrorCode } from './error-code.ts';
import { runProgram } from './run-program.ts';
import type { RbuildsWorld } from './world.ts';

interface EngineJob {
  readonly file: string;
  readonly context: string;
  readonly tag: string;
  readonly archive: string;
}

export interface ContainerEngine {
  readonly name: string;
  /** Answers at once where it works. */
  readonly probe: readonly string[];
  /** One after the other; the last of them has written the archive. */
  readonly steps: (job: EngineJob) => readonly (readonly string[])[];
  /** Whatever the steps did. */
  readonly cleanUp: (job: EngineJob) => readonly string[] | null;
  readonly scheme: 'docker-archive' | 'oci-archive';
}

// Chosen.
const probeDeadlineMs = 10_000;

/** In the order in which they are asked. */
const containerEngines: readonly ContainerEngine[] = [
  {
    name: 'docker',
    probe: ['version', '--format', '{{.Server.Version}}'],
    steps: ({ file, context, tag, archive }) => [
      ['build', '--file', file, '--tag', tag, context],
      ['save', '--output', archive, tag],
    ],
    cleanUp: ({ tag }) => ['rmi', tag],
    scheme: 'docker-archive',
  },
  {
    name: 'buildah',
    probe: ['info'],
    steps: ({ file, context, tag, archive }) => [
      ['build', '--file', file, '--tag', tag, context],
      ['push', tag, `oci-archive:${archive}`],
    ],
    cleanUp: ({ tag }) => ['rmi', tag],
    scheme: 'oci-archive',
  },
  {
    name: 'podman',
    probe: ['info'],
    steps: ({ file, context, tag, archive }) => [
      ['build', '--file', file, '--tag', tag, context],
      ['save', '--format', 'oci-archive', '--output', archive, tag],
    ],
    cleanUp: ({ tag }) => ['rmi', tag],
    scheme: 'oci-archive',
  },
  {
    name: 'buildctl',
    probe: ['debug', 'workers'],
    steps: ({ file, context, archive }) => [
      [
        ...['build', '--frontend', 'dockerfile.v0', '--local', `context=${context}`],
        ...['--local', `dockerfile=${dirname(resolve(file))}`, '--opt', `filename=${basename(file)}`],
        ...['--output', `type=oci,dest=${archive}`],
      ],
    ],
    cleanUp: () => null,
    scheme: 'oci-archive',
  },
];

/** The archive's reference, for `openOciSource`. Throws CaissonError RBUILDS_ENGINE where none works, RBUILDS_PROGRAM where it fails. */
export async function buildByEngine(
  file: string,
  context: string,
  archive: string,
  why: string,
  world: Pick<RbuildsWorld, 'folder' | 'env' | 'stop' | 'say'>,
): Promise<string> {
  const refusals: string[] = [];
  for (const { name, probe, steps, cleanUp, scheme } of containerEngines) {
    try {
      await runProgram(name, probe, world, { deadlineMs: probeDeadlineMs, isQuiet: true });
    } catch (error) {
      world.stop.throwIfAborted();
      refusals.push(error instanceof Error ? error.message : String(error));
      continue;
    }
    world.say(`building ${file} with ${name}`);
    // A name of this run: nobody else's image is replaced or removed.
    const job = { file, context, tag: `caisson-rbuilds-${randomBytes(8).toString('hex')}`, archive };
    try {
      for (const words of steps(job)) await runProgram(name, words, world);
    } finally {
      const words = cleanUp(job);
      // An image that is left is untidy; a build that failed has its own word.
      if (words !== null) await runProgram(name, words, world, { isQuiet: true }).catch(() => {});
    }
    return `${scheme}:${archive}`;
  }
  throw new CaissonError<RbuildsErrorCode>(
    'RBUILDS_ENGINE',
    `${file} needs a container engine (${why}), and none works: ${refusals.join('; ')}`,
    {
      hint: 'start docker, or install buildah, podman or buildctl; a file of FROM, COPY, ENV, CMD and the like needs none',
    },
  );
}
