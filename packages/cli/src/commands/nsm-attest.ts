// `caisson nsm attest`: asks for an attestation document, keeps its bytes as they came, and shows what it says. It says
// UNVERIFIED because asking is not verifying.
import { writeFile } from 'node:fs/promises';
import { parseAttestationDocument } from '@caisson/core/attestation';
import { toHex } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import { MAX_ATTESTATION_FIELD_BYTES } from '@caisson/core/nitro';
import { commonNameOf, parseCertificate } from '@caisson/core/x509';
import type { Command } from 'commander';
import { parseHexOption } from '../nsm-argument.ts';
import { withNsm } from '../nsm-session.ts';
import type { Surroundings } from '../surroundings.ts';

export interface AttestFlags {
  readonly out: string;
  readonly nonce?: string;
  readonly userData?: string;
  readonly publicKey?: string;
  readonly json?: boolean;
}

export function registerNsmAttest(nsm: Command, surroundings: Surroundings): void {
  nsm
    .command('attest')
    .description('ask the NSM for an attestation document')
    .requiredOption('--out <file>', 'where to write the document')
    .option('--nonce <hex>', 'what the verifier chose, so that the document cannot be an old one')
    .option('--user-data <hex>', 'what the document shall say besides')
    .option('--public-key <hex>', 'a key that the document shall vouch for')
    .option('--json', 'print one JSON document')
    .action((options: AttestFlags) => askForDocument(options, surroundings));
}

export async function askForDocument(options: AttestFlags, surroundings: Surroundings): Promise<void> {
  const fields = {
    nonce: bytesOf('--nonce', options.nonce),
    userData: bytesOf('--user-data', options.userData),
    publicKey: bytesOf('--public-key', options.publicKey),
  };
  const document = await withNsm(surroundings, (client) => client.attestation(fields));
  await keepDocument(document, options, surroundings);
}

/** Written as it came, and shown. */
export async function keepDocument(
  document: Uint8Array,
  { out, json }: AttestFlags,
  { stdout }: Pick<Surroundings, 'stdout'>,
): Promise<void> {
  await writeFile(out, document);
  stdout.write(json ? `${JSON.stringify(summary(document))}\n` : report(document, out));
}

function bytesOf(name: string, text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : parseHexOption(name, text, MAX_ATTESTATION_FIELD_BYTES);
}

interface Contents {
  readonly moduleId: string;
  readonly timestamp: number;
  readonly root: string;
  readonly pcrs: Readonly<Record<string, string>>;
}

/** `fault` instead of the contents for a document of another form than hardware's: QEMU's is unsigned, for one. */
type Summary = { readonly v: 1; readonly verified: false; readonly bytes: number } & (
  | Contents
  | { readonly fault: string }
);

function summary(document: Uint8Array): Summary {
  const frame = { v: 1, verified: false, bytes: document.length } as const;
  try {
    return { ...frame, ...contentsOf(document) };
  } catch (error) {
    if (error instanceof CaissonError) return { ...frame, fault: error.message };
    throw error;
  }
}

function contentsOf(document: Uint8Array): Contents {
  const { payload } = parseAttestationDocument(document);
  const [root] = payload.cabundle;
  return {
    moduleId: payload.moduleId,
    timestamp: payload.timestamp,
    root: (root && commonNameOf(parseCertificate(root).subject)) ?? '',
    pcrs: Object.fromEntries([...payload.pcrs].map(([index, value]) => [index, toHex(value)])),
  };
}

function report(document: Uint8Array, file: string): string {
  const about = summary(document);
  const shown = 'fault' in about ? [`form       not that of hardware: ${printable(about.fault)}`] : contentLines(about);
  return [
    `document   ${about.bytes} bytes in ${file}`,
    ...shown,
    'UNVERIFIED: this is what the document says, not what was proven',
    '',
  ].join('\n');
}

function contentLines({ moduleId, timestamp, root, pcrs }: Contents): string[] {
  const shown = Object.entries(pcrs).filter(([index, value]) => Number(index) <= 2 || /[^0]/.test(value));
  return [
    `module id  ${printable(moduleId)}`,
    `time       ${timeText(timestamp)}`,
    `root       ${printable(root)}`,
    ...shown.map(([index, value]) => `PCR${index}`.padEnd(11) + value),
  ];
}

// A timestamp is any integer in a document that nobody verified; a Date ends at 8.64e15.
function timeText(timestamp: number): string {
  return timestamp <= 8.64e15 ? new Date(timestamp).toISOString() : `${timestamp} ms`;
}

// The document's text is whoever's made it; a terminal must not obey it.
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?');
}
