// What a person sees of a build: one line that changes on a terminal, plain lines elsewhere, and at the end where everything is.

import type { Writable } from 'node:stream';
import { plain } from '@caisson/core/log';
import type { BuildProgress, BuiltAgain, BuiltImage } from '@caisson/host/build';
import { sizeText } from './size-text.ts';

export interface ShownProgress extends BuildProgress {
  readonly warnings: readonly { readonly text: string; readonly hint?: string }[];
  /** Ends the line that is being rewritten. */
  done(): void;
}

/** Shows steps, bytes and warnings; warnings are kept as well, for the report at the end. */
export function createProgress(stderr: Writable & { readonly isTTY?: boolean }, quiet: boolean): ShownProgress {
  const isTerminal = stderr.isTTY === true && !quiet;
  const warnings: { text: string; hint?: string }[] = [];
  let isOpen = false;
  let shown = -1;
  const close = (): void => {
    if (isOpen) stderr.write('\r\u001b[K');
    isOpen = false;
  };
  return {
    warnings,
    done: close,
    step(text) {
      if (quiet) return;
      close();
      stderr.write(`${plain(text)}\n`);
    },
    bytes(done, total) {
      const percent = Math.floor((100 * done) / total);
      if (!isTerminal || percent === shown) return;
      shown = percent;
      isOpen = true;
      stderr.write(`\rwriting ${sizeText(done)} of ${sizeText(total)}, ${percent} %\u001b[K`);
    },
    warning(text, hint) {
      warnings.push({ text, ...(hint !== undefined && { hint }) });
      close();
      stderr.write(`warning: ${plain(text)}\n${hint === undefined ? '' : `  hint: ${plain(hint)}\n`}`);
    },
  };
}

export function builtLines({
  path,
  manifestPath,
  sbomPath,
  statementPath,
  manifest,
  added,
  source,
}: BuiltImage): string[] {
  const { measurements, size, sections, command } = manifest;
  const kernel = sections.find(({ kind }) => kind === 'kernel')?.size ?? 0;
  const parts = [
    `source ${sizeText(source)}`,
    `kernel ${sizeText(kernel)}`,
    ...(added.runtime > 0 ? [`node with its libraries ${sizeText(added.runtime)}`] : []),
    ...(added.caisson > 0 ? [`supervisor and addon ${sizeText(added.caisson)}`] : []),
  ];
  return [
    `${plain(path)}  ${size} bytes (${sizeText(size)})`,
    `${plain(manifestPath)}  every file by its hash, and what the image was made of`,
    `${plain(sbomPath)}  CycloneDX 1.6`,
    ...(statementPath === null ? [] : [`${plain(statementPath)}  the manifest, signed`]),
    ...Object.entries(measurements).map(([name, value]) => `${name} ${value}`),
    `holds ${parts.join(', ')}`,
    `runs ${command.length === 0 ? 'nothing: it has no command' : command.map((word) => plain(JSON.stringify(word))).join(' ')}`,
  ];
}

export function builtDocument(
  built: BuiltImage,
  warnings: ShownProgress['warnings'],
  again: BuiltAgain | null,
  stored: string | null,
): object {
  const { path, manifestPath, sbomPath, statementPath, manifest, added, source } = built;
  return {
    v: 1,
    image: path,
    manifest: manifestPath,
    sbom: sbomPath,
    statement: statementPath,
    size: manifest.size,
    measurements: manifest.measurements,
    toolchain: manifest.toolchain,
    profile: manifest.settings.profile,
    components: manifest.components,
    command: manifest.command,
    bytes: { source, runtime: added.runtime, caisson: added.caisson },
    warnings,
    stored,
    ...(again !== null && {
      again: {
        equal: again.isEqual,
        measuredEqual: again.isMeasuredEqual,
        changed: again.changed,
        kept: again.kept,
        differences: again.differences,
      },
    }),
  };
}

export function againLines({ isEqual, isMeasuredEqual, differences, changed, kept }: BuiltAgain): string[] {
  return [
    ...differences.map(differenceLine),
    isEqual
      ? `EQUAL: built twice, with another ${changed.join(', ')}`
      : `DIFFERENT: ${isMeasuredEqual ? 'PCR0, PCR1 and PCR2 are the same' : 'the measurements differ'}`,
    ...kept.map(({ change, why }) => `  not changed: ${change} (${why})`),
  ];
}

export function differenceLine({
  place,
  left,
  right,
}: {
  readonly place: string;
  readonly left: string | null;
  readonly right: string | null;
}): string {
  const text = (value: string | null): string => (value === null ? 'absent' : plain(value));
  return `${plain(place)}: ${text(left)} | ${text(right)}`;
}
