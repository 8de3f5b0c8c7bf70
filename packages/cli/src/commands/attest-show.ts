// `caisson attest show`: what a document says, without any proof. Every line that somebody could quote says UNVERIFIED.
import { parseAttestationDocument, type UnverifiedDocument } from '@caisson/core/attestation';
import { toHex } from '@caisson/core/bytes';
import { plain } from '@caisson/core/log';
import { nameText, parseCertificate } from '@caisson/core/x509';
import type { Command } from 'commander';
import { measurementLines, unixMsText, unixSecondsText } from '../attest-report.ts';
import { readDocument } from '../document-text.ts';
import type { Surroundings } from '../surroundings.ts';

export function registerAttestShow(attest: Command, { stdin, stdout }: Surroundings): void {
  attest
    .command('show <file>')
    .description('decode a document without verifying anything')
    .option('--json', 'print one JSON document')
    .action(async (file: string, { json }: { readonly json?: true }) => {
      const { bytes, form } = await readDocument(file, stdin);
      const document = parseAttestationDocument(bytes);
      stdout.write(
        json
          ? `${JSON.stringify(facts(document, bytes.length))}\n`
          : textLines(document, `${bytes.length} bytes, given as ${form}`)
              .map((line) => `UNVERIFIED  ${line}\n`)
              .join(''),
      );
    });
}

function textLines({ payload }: UnverifiedDocument, size: string): string[] {
  const { moduleId, timestamp, pcrs, nonce, userData, publicKey, unknownFields } = payload;
  const field = (name: string, value: Uint8Array | undefined): string =>
    `${name.padEnd(11)}${value === undefined ? 'null' : value.length === 0 ? 'empty' : toHex(value)}`;
  return [
    `document   ${size}`,
    `module id  ${plain(moduleId)}`,
    `timestamp  ${unixMsText(timestamp)}`,
    field('nonce', nonce),
    field('user_data', userData),
    field('public_key', publicKey),
    ...unknownFields.map((name) => `unknown    field ${plain(JSON.stringify(name))}`),
    ...certificates(payload).map(
      ({ subject, notBefore, notAfter }, level) =>
        `level ${level}    ${unixSecondsText(notBefore)} to ${unixSecondsText(notAfter)}  ${plain(subject)}`,
    ),
    ...measurementLines(Object.fromEntries([...pcrs].map(([index, value]) => [index, toHex(value)]))).map((line) =>
      line.trimStart(),
    ),
  ];
}

function facts({ payload }: UnverifiedDocument, bytes: number): object {
  const { moduleId, timestamp, digest, pcrs, nonce, userData, publicKey, unknownFields } = payload;
  const hex = (value: Uint8Array | undefined): string | null => (value === undefined ? null : toHex(value));
  return {
    v: 1,
    verified: false,
    bytes,
    moduleId,
    digest,
    timestamp,
    pcrs: Object.fromEntries([...pcrs].map(([index, value]) => [index, toHex(value)])),
    certificates: certificates(payload),
    nonce: hex(nonce),
    userData: hex(userData),
    publicKey: hex(publicKey),
    unknownFields,
  };
}

function certificates({ cabundle, certificate }: UnverifiedDocument['payload']): {
  readonly subject: string;
  readonly serial: string;
  readonly notBefore: number;
  readonly notAfter: number;
}[] {
  return [...cabundle, certificate].map((der) => {
    const { subject, serial, notBefore, notAfter } = parseCertificate(der);
    return { subject: nameText(subject), serial: toHex(serial), notBefore, notAfter };
  });
}
