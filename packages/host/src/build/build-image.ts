// From a plan to an image and what lies beside it: `app.eif`, `app.eif.json`, `app.eif.cdx.json`, and `app.eif.intoto.json` when it is signed. The same plan gives the same bytes;
// nothing of the machine, the moment or the person is asked for in here.
import { basename } from 'node:path';
import type { ImageComponent } from '@caisson/core/measured';
import { digestHandle, type ImageStatement } from '../statement/index.ts';
import { requireProgram, resolveCommand } from './command.ts';
import { resolveComponents } from './component.ts';
import { createManifest, formatManifest, type Manifest } from './manifest.ts';
import { compileMeasured } from './measured-file.ts';
import { createMetadata } from './metadata.ts';
import { type BuildPlan, type BuildProgress, SILENT_PROGRESS } from './plan.ts';
import { publishFiles } from './publish.ts';
import { createApplicationRamdisk, createBootRamdisk } from './ramdisk.ts';
import { addMeasured, CAISSON_FOLDER, createRootTree } from './root-tree.ts';
import { createSbom } from './sbom.ts';
import { verifyInputs } from './verify-input.ts';
import { verifyListed } from './verify-listed.ts';
import { verifySettings } from './verify-settings.ts';
import { warnOf } from './warn.ts';
import { writeEif } from './write-eif.ts';

export interface BuildOptions {
  readonly progress?: BuildProgress;
  readonly signature?: BuildSignature;
  /** Says that the image is what its manifest says: the text of `app.eif.intoto.json`. */
  readonly state?: (statement: ImageStatement) => string;
  readonly signal?: AbortSignal;
}

export interface BuildSignature {
  /** The signature section for a PCR0. */
  sign(pcr0: Uint8Array): Promise<Uint8Array>;
  /** Of its certificate, hex. */
  readonly pcr8: string;
}

export interface BuiltImage {
  readonly path: string;
  readonly manifestPath: string;
  readonly sbomPath: string;
  readonly statementPath: string | null;
  readonly manifest: Manifest;
  /** Bytes of files that Caisson added: node and its libraries, and its own parts. */
  readonly added: { readonly runtime: number; readonly caisson: number };
  /** Bytes of the source's files. */
  readonly source: number;
}

export function manifestPathOf(output: string): string {
  return `${output}.json`;
}

export function sbomPathOf(output: string): string {
  return `${output}.cdx.json`;
}

export function statementPathOf(output: string): string {
  return `${output}.intoto.json`;
}

/** Throws PolicyError, CaissonError and LimitError BUILD_*, and what sources, services, schema, cpio and EIF throw. Leaves no file then. */
export async function buildImage(plan: BuildPlan, output: string, options: BuildOptions = {}): Promise<BuiltImage> {
  const { settings, source, kernel } = plan;
  const progress = options.progress ?? SILENT_PROGRESS;
  verifySettings(settings);
  const components = resolveComponents(settings);
  const command = await resolveCommand(settings, source);
  const tree = createRootTree(plan, command);
  if (settings.init === 'caisson') {
    addMeasured(tree, await compileMeasured(plan, tree, command, components, progress));
  } else requireProgram(tree, command);
  for (const { text, hint } of warnOf(plan, command)) progress.warning(text, hint);
  const [boot, application] = [createBootRamdisk(plan), createApplicationRamdisk(tree, command)];
  const cmdline = settings.cmdline ?? kernel.cmdline;
  const files = [...boot.files, ...application.files];
  progress.step(describe(files.length, components));
  return await publishFiles(async (openOutput) => {
    const image = {
      architecture: settings.architecture,
      kernel: kernel.content,
      cmdline,
      metadata: createMetadata(plan, components),
      ramdisks: [boot.archive, application.archive],
    };
    const file = await openOutput(output);
    const { signature, state } = options;
    const written = await writeEif(image, file, {
      onBytes: (done, total) => progress.bytes(done, total),
      ...(signature !== undefined && { sign: (pcr0) => signature.sign(pcr0) }),
      ...(options.signal !== undefined && { signal: options.signal }),
    });
    const manifest = createManifest({
      plan,
      written,
      cmdline,
      components,
      files,
      pcr8: signature?.pcr8,
      command: command.argv,
    });
    verifyInputs(plan, manifest);
    await verifyListed(file, written.sections, manifest.files);
    await (await openOutput(manifestPathOf(output))).writeFile(formatManifest(manifest));
    const sbom = await createSbom(plan, manifest);
    await (await openOutput(sbomPathOf(output))).writeFile(`${JSON.stringify(sbom, null, 1)}\n`);
    if (state !== undefined) {
      const subject = { name: basename(output), digest: await digestHandle(file, written.size) };
      const text = state({ subject, predicate: { ...manifest } });
      await (await openOutput(statementPathOf(output))).writeFile(text);
    }
    const bytesOf = (isCounted: (path: string, origin: string) => boolean): number =>
      files.reduce((sum, { path, origin, size }) => sum + (isCounted(path, origin) ? size : 0), 0);
    return {
      path: output,
      manifestPath: manifestPathOf(output),
      sbomPath: sbomPathOf(output),
      manifest,
      statementPath: state === undefined ? null : statementPathOf(output),
      added: {
        runtime: bytesOf((_, origin) => origin === 'runtime'),
        caisson: bytesOf((path, origin) => origin === 'caisson' && path.startsWith(`rootfs/${CAISSON_FOLDER}/`)),
      },
      source: bytesOf((_, origin) => !['runtime', 'caisson', 'kernel'].includes(origin)),
    };
  });
}

function describe(files: number, components: readonly ImageComponent[]): string {
  const parts = components.length === 0 ? 'no components' : `components ${components.join(', ')}`;
  return `${files} entries, ${parts}`;
}
