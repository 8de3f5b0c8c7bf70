// `caisson build-enclave`: nitro-cli's name, flags, words and JSON for building an image (docs/build.md). What is named by a docker URI may as
// well be an OCI layout, an archive of `docker save` or a folder: no docker is asked.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { createProgress, type ShownProgress } from '../build-report.ts';
import { prepareBuild } from '../build-session.ts';
import { openSigning } from '../build-signing.ts';
import { endedBy } from '../ended-by.ts';
import { withExitAction } from '../exit-action.ts';
import { UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { version } from '../version.ts';

interface Flags {
  readonly dockerUri?: string;
  readonly dockerDir?: string;
  readonly outputFile: string;
  readonly signingCertificate?: string;
  readonly privateKey?: string;
  readonly imgName?: string;
  readonly imgVersion?: string;
  readonly metadata?: string;
  readonly kernel?: string;
}

// Given: nitro-cli refuses larger ones.
const maxMetadataBytes = 4_096;

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('build-enclave')
    .description('build an image as nitro-cli does: one command, no supervisor; with its flags and its JSON')
    .option('--docker-uri <source>', 'an image of a registry, or an OCI layout, an archive of docker save, a folder')
    .option(
      '--docker-dir <folder>',
      'a folder with a Dockerfile; a container engine is needed for RUN and the like only',
    )
    .requiredOption('--output-file <file>', 'the image')
    .option('--signing-certificate <file>', 'a certificate as PEM')
    .option('--private-key <file>', 'its key as PEM')
    .option('--name <name>', 'ImageName of the metadata; default: of the source')
    .option('--version <version>', 'ImageVersion of the metadata')
    .option('--metadata <file>', 'CustomMetadata: a JSON file')
    .option('--kernel <name>', 'aws, caisson, or a file; default aws where its blobs are installed, else caisson');
  withExitAction(command, (given: Flags & { readonly name?: string; readonly version?: string }) => {
    const { name, version: imgVersion, ...rest } = given;
    const flags = {
      ...rest,
      ...(name !== undefined && { imgName: name }),
      ...(imgVersion !== undefined && { imgVersion }),
    };
    return endedBy(surroundings.stop, build(flags, surroundings));
  });
};

async function build(flags: Flags, surroundings: Surroundings): Promise<void> {
  const { stdout, stderr, env, stop } = surroundings;
  const { dockerUri, dockerDir, outputFile: output } = flags;
  if (dockerUri === undefined && dockerDir === undefined) throw new UsageError('give --docker-uri or --docker-dir');
  if ((flags.privateKey === undefined) !== (flags.signingCertificate === undefined)) {
    throw new UsageError('--private-key and --signing-certificate must stand together');
  }
  const { finish: _, ...signing } = await openSigning(
    {
      ...(flags.privateKey !== undefined && { sign: flags.privateKey }),
      ...(flags.signingCertificate !== undefined && { cert: flags.signingCertificate }),
    },
    surroundings,
  );
  const { buildImage, openPlan } = await import('@caisson/host/build');
  const { NITRO_HASH_ALGORITHM } = await import('@caisson/host/image');
  const { isOciSource } = await import('@caisson/host/oci');
  const customMetadata = flags.metadata === undefined ? null : await readMetadata(flags.metadata);
  const uri = dockerUri ?? '';
  // A name that is no path is what `docker pull` would take.
  const source = dockerDir ?? (existsSync(uri) || isOciSource(uri) ? uri : `docker://${uri}`);
  const prepared = await prepareBuild(
    source,
    [],
    {
      init: 'plain',
      nitroCliCompat: true,
      kernel: flags.kernel ?? (await defaultKernel()),
      ...(flags.imgName !== undefined && { tag: [flags.imgName, flags.imgVersion].filter(Boolean).join(':') }),
    },
    env,
  );
  const progress = createProgress(stderr, false);
  stderr.write('Start building the Enclave Image...\n');
  const openedSource = dockerDir === undefined ? undefined : await openDockerDir(dockerDir, progress, surroundings);
  const plan = await openPlan({
    source,
    settings: { ...prepared.settings, customMetadata },
    builderVersion: version,
    progress,
    env,
    ...(prepared.kernelPath !== undefined && { kernelPath: prepared.kernelPath }),
    ...(openedSource !== undefined && { openedSource }),
  }).catch((error: unknown) => {
    throw dockerDir === undefined && source !== uri ? withLocalHint(error, uri) : error;
  });
  try {
    const built = await buildImage(plan, output, { progress, signal: stop, ...signing });
    progress.done();
    stderr.write('Enclave Image successfully created.\n');
    const Measurements = { HashAlgorithm: NITRO_HASH_ALGORITHM, ...built.manifest.measurements };
    stdout.write(`${JSON.stringify({ Measurements }, undefined, 2)}\n`);
  } finally {
    progress.done();
    await plan.close();
  }
}

async function openDockerDir(folder: string, progress: ShownProgress, { env, stop }: Surroundings) {
  if (!existsSync(join(folder, 'Dockerfile'))) {
    throw new UsageError(
      `--docker-dir ${folder} must hold a Dockerfile`,
      'a plain folder is built with: caisson build',
    );
  }
  const { findDockerfile, openDockerfile } = await import('@caisson/host/rbuilds');
  const { readArchitecture } = await import('@caisson/host/runtime');
  const say = (line: string): void => progress.step(line);
  return await openDockerfile(findDockerfile('Dockerfile', folder), readArchitecture(), [], { folder, env, stop, say });
}

/** nitro-cli would have asked the docker of this machine first. */
function withLocalHint(error: unknown, name: string): unknown {
  // The other kinds have exit codes of their own.
  if (!(error instanceof CaissonError) || error.constructor !== CaissonError || error.hint !== undefined) return error;
  const hint = `an image of this machine's docker is named by its archive: docker save ${name} -o image.tar, and --docker-uri image.tar`;
  return new CaissonError(error.code, error.message, { cause: error, hint });
}

/** nitro-cli has one kernel, its own. */
async function defaultKernel(): Promise<string> {
  const { resolveKernel } = await import('@caisson/host/kernel');
  const { readArchitecture } = await import('@caisson/host/runtime');
  try {
    resolveKernel('aws', { architecture: readArchitecture() });
    return 'aws';
  } catch {
    return 'caisson';
  }
}

async function readMetadata(path: string): Promise<unknown> {
  const { readBoundedFile } = await import('@caisson/link/argonaut');
  const bytes = await readBoundedFile(path, { maxBytes: maxMetadataBytes, what: `metadata ${path}` });
  try {
    return JSON.parse(Buffer.from(bytes).toString());
  } catch {
    throw new UsageError(`--metadata ${path} must be a JSON file`);
  }
}
