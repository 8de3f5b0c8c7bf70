// What `image inspect` shows of an image, for people and as JSON. Text from inside of the image is escaped: whoever made it could otherwise
// write lines of ours.
import { toHex } from '@caisson/core/bytes';
import type { EifCertificate, EifMeasurements } from '@caisson/core/eif';
import type { CaissonError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { ImageInspection, MeasuredSummary, RamdiskSummary } from '@caisson/host/image';
import { measurementLines, unixSecondsText } from './attest-report.ts';

export function inspectionFacts(inspection: ImageInspection): Readonly<Record<string, unknown>> {
  const { size, survey, certificate, pcr8, signatureHolds, ramdisks, measured, faults } = inspection;
  const { header, sections, measurements, cmdline, metadata } = survey;
  const { version, architecture, defaultMemoryBytes, defaultCpus } = header;
  return {
    v: 1,
    bytes: size,
    version,
    architecture,
    defaultMemoryBytes,
    defaultCpus,
    sections: sections.map(({ kind, offset, size: bytes, sha384 }) => ({
      kind,
      offset,
      bytes,
      sha384: toHex(sha384),
    })),
    measurements: measurements === undefined ? null : measurementFacts(measurements, pcr8),
    cmdline: cmdline ?? null,
    measured: measured === undefined ? null : measuredFacts(measured),
    metadata: metadata ?? null,
    signature:
      signatureHolds === undefined
        ? null
        : { holds: signatureHolds, certificate: certificate === undefined ? null : certificateFacts(certificate) },
    ramdisks: ramdisks.map(({ form, entries, fileBytes, top, command }) => ({
      form,
      entries: entries ?? null,
      fileBytes,
      top,
      command: command ?? null,
    })),
    faults: faultFacts(faults),
  };
}

function measuredFacts({ name, version, ...rest }: MeasuredSummary): object {
  return { ...rest, name: name ?? null, version: version ?? null };
}

export function faultFacts(faults: readonly CaissonError[]): { readonly code: string; readonly message: string }[] {
  return faults.map(({ code, message }) => ({ code, message }));
}

export function faultLine({ code, message }: CaissonError): string {
  return `FAULT  ${code}: ${plain(message)}`;
}

function measurementFacts({ pcr0, pcr1, pcr2 }: EifMeasurements, pcr8: Uint8Array | undefined): object {
  return {
    PCR0: toHex(pcr0),
    PCR1: toHex(pcr1),
    PCR2: toHex(pcr2),
    ...(pcr8 !== undefined && { PCR8: toHex(pcr8) }),
  };
}

function certificateFacts({ subjectText, issuerText, notBefore, notAfter }: EifCertificate): object {
  return { subject: subjectText, issuer: issuerText, notBefore, notAfter };
}

export function inspectionLines(inspection: ImageInspection): string[] {
  const { size, survey, certificate, pcr8, signatureHolds, ramdisks, measured, faults } = inspection;
  const { header, sections, measurements, cmdline, metadata } = survey;
  return [
    `image      ${size} bytes, EIF version ${header.version}, ${header.architecture}`,
    `defaults   ${header.defaultMemoryBytes / 2 ** 20} MiB, ${header.defaultCpus} CPUs`,
    ...(cmdline === undefined ? [] : [`cmdline    ${plain(cmdline)}`]),
    ...(measured === undefined ? [] : measuredLines(measured)),
    '',
    'sections',
    ...sections.map(
      ({ kind, size: bytes, sha384 }, index) =>
        `  ${String(index).padEnd(2)} ${kind.padEnd(9)} ${String(bytes).padStart(12)} bytes  sha384 ${toHex(sha384)}`,
    ),
    '',
    'measurements',
    ...(measurements === undefined
      ? ['  none: the sections do not reach the end of the file']
      : measurementLines({
          0: toHex(measurements.pcr0),
          1: toHex(measurements.pcr1),
          2: toHex(measurements.pcr2),
          ...(pcr8 !== undefined && { 8: toHex(pcr8) }),
        })),
    '',
    ...signatureLines(certificate, signatureHolds),
    ...(metadata === undefined ? [] : ['', 'metadata   in no PCR', ...metadataLines(metadata)]),
    ...ramdisks.flatMap((ramdisk, index) => ['', ...ramdiskLines(ramdisk, index)]),
    ...(faults.length === 0 ? [] : ['', ...faults.map(faultLine)]),
  ];
}

function measuredLines({ profile, init, name, version, components, fileRoots }: MeasuredSummary): string[] {
  const parts = components.length === 0 ? 'no components' : `components ${components.join(', ')}`;
  return [
    ...(name === undefined ? [] : [`name       ${name} ${version}`]),
    `profile    ${profile}${profile === 'development' ? developmentWords(init, components) : ''}`,
    `init       ${init}, ${parts}`,
    ...fileRoots.map((root) => `file root  ${root.name}: ${root.path}`),
  ];
}

/** Why it is a development image: what its operators may do, or what the parent may see. */
function developmentWords(init: MeasuredSummary['init'], components: MeasuredSummary['components']): string {
  if (init === 'plain') return '';
  return components.includes('control')
    ? ', which gives its operators a shell'
    : ', which shows the parent the last lines of a service that failed';
}

function signatureLines(certificate: EifCertificate | undefined, holds: boolean | undefined): string[] {
  if (holds === undefined) return ['signature  none'];
  const verdict = holds ? 'holds for PCR0' : 'DOES NOT HOLD';
  if (certificate === undefined) return [`signature  ${verdict}`];
  const { subjectText, issuerText, notBefore, notAfter } = certificate;
  return [
    `signature  ${verdict}`,
    `  subject  ${plain(subjectText)}`,
    `  issuer   ${plain(issuerText)}, which nobody has verified`,
    `  valid    ${unixSecondsText(notBefore)} to ${unixSecondsText(notAfter)}`,
  ];
}

function metadataLines(metadata: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(metadata).map(([key, value]) => `  ${plain(key)}: ${plain(JSON.stringify(value))}`);
}

function ramdiskLines({ form, entries, fileBytes, top, command }: RamdiskSummary, index: number): string[] {
  if (entries === undefined) return [`ramdisk ${index}  ${form}, which is not opened here`];
  const counts = Object.entries(entries).filter(([, count]) => count > 0);
  return [
    `ramdisk ${index}  ${form}: ${counts.map(([kind, count]) => `${count} ${kind}`).join(', ')}; ${fileBytes} bytes in files`,
    `  at top   ${top.map(plain).join(' ')}`,
    ...(command === undefined ? [] : [`  command  ${command.map((word) => plain(JSON.stringify(word))).join(' ')}`]),
  ];
}
