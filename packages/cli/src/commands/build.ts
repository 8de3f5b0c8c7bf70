// `caisson build`: a folder, a root file system or a container image becomes an enclave image, the same bytes every time (docs/build.md).
import { Option } from 'commander';
import { againLines, builtDocument, builtLines, createProgress } from '../build-report.ts';
import { type BuildCommandFlags, prepareBuild } from '../build-session.ts';
import { openSigning } from '../build-signing.ts';
import { endedBy } from '../ended-by.ts';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, EXIT_REFUSED, UsageError } from '../exit-code.ts';
import { openStore, shortId } from '../image-store.ts';
import { selfWords } from '../self.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { version } from '../version.ts';

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('build')
    .argument('[source]', 'folder, layout, archive or reference; default: image.source of caisson.yaml')
    .argument('[command...]', 'after --: what the image runs')
    .description('build an enclave image from a folder, an OCI layout, a docker archive or a registry reference')
    .option('-o, --output <file>', 'the image; its manifest and SBOM go beside it')
    .option('--config <file>', 'caisson.yaml; default: the one in the source, or without a source in this folder')
    .option('--enclave <name>', 'which enclave of a caisson.yaml with several')
    .option('--env-file <file>', 'variables for caisson.yaml, after those of the environment')
    .option('-t, --tag <name:version>', 'name and version of the image; it is kept in the local store too')
    .addOption(new Option('--profile <name>', 'default production').choices(['development', 'production']))
    .addOption(new Option('--init <name>', 'plain: one command, no supervisor').choices(['caisson', 'plain']))
    .option('--rootfs', 'the folder is the root file system itself, not an application')
    .option('--kernel <name>', 'aws, caisson, or a file; default caisson')
    .option('--cmdline <text>', 'command line of the kernel')
    .option('--arch <name>', 'x86_64 or aarch64; default: of this machine')
    .option('--nitro-cli-compat', 'CMD of a container image if it is set, else ENTRYPOINT')
    .option('--runtime <file>', 'runtime archive (caisson runtime pack); default: from the cache')
    .option(
      '--sign <key>',
      'sign the image with this key (PEM), with --cert; a passphrase stands in CAISSON_KEY_PASSPHRASE',
    )
    .option('--cert <file>', 'the certificate of the key, as PEM: its measurement is PCR8')
    .option('--sign-manifest <key>', 'sign the manifest as an in-toto statement with this key (Ed25519 or ECDSA, PEM)')
    .option('--verify-reproducible', 'build twice in different surroundings and compare; exit 2 when they differ')
    .option('--json', 'print one JSON document')
    .addOption(new Option('--again').hideHelp());
  withExitAction(command, (source: string | undefined, words: readonly string[], flags: BuildCommandFlags) =>
    flags.again ? runAgain(surroundings) : build(source, words, flags, surroundings),
  );
};

async function build(
  given: string | undefined,
  words: readonly string[],
  flags: BuildCommandFlags,
  surroundings: Surroundings,
): Promise<number> {
  const { stdout, stderr, env, stop } = surroundings;
  const { output } = flags;
  if (output === undefined) throw new UsageError('-o FILE must be given', 'caisson build ./app -o app.eif');
  const { buildImage, manifestPathOf, openPlan, sbomPathOf, statementPathOf, verifyReproducible } = await import(
    '@caisson/host/build'
  );
  const progress = createProgress(stderr, flags.json === true);
  // Before anything is built: a key that cannot sign is known at once.
  const { finish, ...signing } = await openSigning(flags, surroundings);
  let verdict = EXIT_OK;
  const work = async (): Promise<void> => {
    const { source, settings, kernelPath, configPath, madeKey } = await prepareBuild(given, words, flags, env);
    if (configPath !== null) progress.step(`settings of ${configPath}`);
    if (madeKey !== null) progress.step(`new operator key ${madeKey}`);
    const beside = [manifestPathOf(output), sbomPathOf(output), statementPathOf(output)];
    const leaveOut = [output, ...beside, ...(configPath === null ? [] : [configPath])];
    const inputs = {
      source,
      settings,
      builderVersion: version,
      ...(kernelPath !== undefined && { kernelPath }),
      ...(flags.runtime !== undefined && { runtimePath: flags.runtime }),
    };
    const plan = await openPlan({ ...inputs, leaveOut, progress, env });
    try {
      const built = await buildImage(plan, output, { progress, signal: stop, ...signing });
      const stored =
        flags.tag?.includes(':') === true ? await (await openStore(surroundings)).add(output, flags.tag) : null;
      const again = flags.verifyReproducible
        ? await verifyReproducible({
            ...inputs,
            settings: plan.settings,
            output,
            self: selfWords(),
            ...(plan.runtime !== null && { runtimePath: plan.runtime.path }),
            ...(finish !== undefined && { finish }),
          })
        : null;
      progress.done();
      const lines = [
        ...builtLines(built),
        ...(stored === null ? [] : [`kept as ${flags.tag} (${shortId(stored.id)})`]),
        ...(again === null ? [] : againLines(again)),
      ];
      const document = JSON.stringify(builtDocument(built, progress.warnings, again, stored?.id ?? null));
      stdout.write(flags.json ? `${document}\n` : lines.map((line) => `${line}\n`).join(''));
      if (again?.isEqual === false) verdict = EXIT_REFUSED;
    } finally {
      progress.done();
      await plan.close();
    }
  };
  const code = await endedBy(stop, work());
  return code === EXIT_OK ? verdict : code;
}

/** The second build of --verify-reproducible: what to do comes on standard input. */
async function runAgain({ stdin }: Surroundings): Promise<number> {
  const { buildAgain } = await import('@caisson/host/build');
  const pieces: Buffer[] = [];
  for await (const piece of stdin) pieces.push(Buffer.from(piece as Uint8Array));
  await buildAgain(Buffer.concat(pieces).toString());
  return EXIT_OK;
}
