// Two manifests side by side: first what went in (toolchain, builder, inputs), because a difference there explains the others; then what
// came out, section by section and file by file.
import type { ImageDifference } from '../image/index.ts';
import type { Manifest } from './manifest.ts';

type Side = string | number | null | undefined;

/** Of what went in; the toolchain stands first. */
export function compareInputs(left: Manifest, right: Manifest): ImageDifference[] {
  const differences: ImageDifference[] = [];
  const note = noteTo(differences);
  note('toolchain', left.toolchain, right.toolchain);
  note('builder.version', left.builder.version, right.builder.version);
  note('source.kind', left.source.kind, right.source.kind);
  const inputs = (of: Manifest) => new Map(of.inputs.map((one) => [one.name, one]));
  const [ones, others] = [inputs(left), inputs(right)];
  for (const name of new Set([...ones.keys(), ...others.keys()])) {
    note(`input ${name}`, ones.get(name)?.digest, others.get(name)?.digest);
  }
  return differences;
}

/** Of what came out, without a signature: nobody but its key can make that again. */
export function compareOutputs(left: Manifest, right: Manifest): ImageDifference[] {
  const differences: ImageDifference[] = [];
  const note = noteTo(differences);
  for (const name of ['PCR0', 'PCR1', 'PCR2'] as const) note(name, left.measurements[name], right.measurements[name]);
  const sections = (of: Manifest) => of.sections.filter(({ kind }) => kind !== 'signature');
  const [ones, others] = [sections(left), sections(right)];
  for (let index = 0; index < Math.max(ones.length, others.length); index += 1) {
    const [one, other] = [ones[index], others[index]];
    note(`section[${index}].kind`, one?.kind, other?.kind);
    if (one === undefined || one.kind !== other?.kind) continue;
    note(`section[${index}] ${one.kind}.size`, one.size, other.size);
    note(`section[${index}] ${one.kind}.sha384`, one.sha384, other.sha384);
  }
  note('cmdline', left.cmdline, right.cmdline);
  const files = (of: Manifest) => new Map(of.files.map((one) => [`ramdisk[${one.ramdisk}] ${one.path}`, one]));
  const [before, after] = [files(left), files(right)];
  for (const place of new Set([...before.keys(), ...after.keys()])) {
    const [one, other] = [before.get(place), after.get(place)];
    if (one === undefined || other === undefined) note(place, one?.kind, other?.kind);
    else for (const field of fields) note(`${place}.${field}`, one[field], other[field]);
  }
  return differences;
}

const fields = ['kind', 'mode', 'uid', 'gid', 'size', 'sha256', 'sha384', 'target', 'device'] as const;

function noteTo(differences: ImageDifference[]) {
  return (place: string, left: Side, right: Side): void => {
    if (left === right) return;
    const text = (side: Side): string | null => (side === undefined || side === null ? null : String(side));
    differences.push({ place, left: text(left), right: text(right) });
  };
}
