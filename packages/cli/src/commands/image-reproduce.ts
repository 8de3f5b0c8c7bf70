// `caisson image reproduce`: builds an image again from its manifest and its source. Exit 0 for the same bytes, 2 for others.
import { plain } from '@caisson/core/log';
import { createProgress, differenceLine } from '../build-report.ts';
import { endedBy } from '../ended-by.ts';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, EXIT_REFUSED } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';
import { version } from '../version.ts';

interface Flags {
  readonly kernel?: string;
  readonly runtime?: string;
  readonly json?: true;
}

export const registerImageReproduce: RegisterCommand = (image, surroundings) => {
  const command = image
    .command('reproduce <manifest> <source>')
    .description('build an image again from its manifest (app.eif.json) and source; exit 0 when it is equal, else 2')
    .option('--kernel <file>', 'the kernel, when the image was built with one that is a file')
    .option('--runtime <file>', 'runtime archive; default: from the cache')
    .option('--json', 'print one JSON document');
  withExitAction(command, (manifest: string, source: string, flags: Flags) =>
    reproduce(manifest, source, flags, surroundings),
  );
};

async function reproduce(
  path: string,
  source: string,
  { kernel, runtime, json }: Flags,
  { stdout, stderr, env, stop }: Surroundings,
): Promise<number> {
  const { MAX_MANIFEST_BYTES, parseManifest, reproduceImage } = await import('@caisson/host/build');
  const { readBoundedFile } = await import('@caisson/link/argonaut');
  const progress = createProgress(stderr, json === true);
  let verdict = EXIT_OK;
  const work = async (): Promise<void> => {
    const bytes = await readBoundedFile(path, { maxBytes: MAX_MANIFEST_BYTES, what: `manifest ${path}` });
    const result = await reproduceImage({
      source,
      builderVersion: version,
      progress,
      env,
      signal: stop,
      manifest: parseManifest(Buffer.from(bytes).toString(), path),
      ...(path.endsWith('.json') && { imagePath: path.slice(0, -'.json'.length) }),
      ...(kernel !== undefined && { kernelPath: kernel }),
      ...(runtime !== undefined && { runtimePath: runtime }),
    }).finally(() => progress.done());
    const { isEqual, isMeasuredEqual, toolchain, signed, differences } = result;
    if (!isEqual) verdict = EXIT_REFUSED;
    if (json) {
      const facts = { v: 1, equal: isEqual, measuredEqual: isMeasuredEqual, toolchain, signed, differences };
      stdout.write(`${JSON.stringify(facts)}\n`);
      return;
    }
    const but = signed ? ' but for the signature, which only its key can make' : '';
    const lines = [
      ...(toolchain === 'local' && !isEqual
        ? ['toolchain: local: the image holds parts that a tree compiled itself; another compiler makes other bytes']
        : []),
      ...differences.map(differenceLine),
      isEqual
        ? `EQUAL: the same bytes${but}`
        : `DIFFERENT: ${isMeasuredEqual ? 'PCR0, PCR1 and PCR2 are the same, the file is not' : 'the measurements differ'}`,
    ];
    stdout.write(lines.map((line) => `${plain(line)}\n`).join(''));
  };
  const code = await endedBy(stop, work());
  return code === EXIT_OK ? verdict : code;
}
