// What `attest verify` shows: the chain, the measurements, and every check with its verdict. Text of the document is escaped; nothing of a
// document that was refused is shown but what the refusal compares.
import { toHex } from '@caisson/core/bytes';
import { plain } from '@caisson/core/log';
import type { VerificationClass, VerificationError, VerifiedDocument } from '@caisson/verify';

/** What was asked of the document, by class of check. Undefined: not asked, and then the report says why that matters. */
export interface Asked {
  readonly age: string | undefined;
  readonly pcrs: string | undefined;
  /** A text names what the nonce was compared with, where that was no flag. */
  readonly nonce: boolean | string;
  readonly userData: boolean | string;
  readonly publicKey: boolean | string;
  readonly allowDebug: boolean;
  readonly policy: string | undefined;
}

interface Check {
  readonly kind: VerificationClass;
  readonly held: string | undefined;
  readonly notAsked?: string;
}

function checksOf(asked: Asked): readonly Check[] {
  const compared = (asked: boolean | string): string | undefined =>
    typeof asked === 'string' ? asked : asked ? 'as asked' : undefined;
  return [
    { kind: 'CBOR', held: 'one item in strict form, nothing after it' },
    { kind: 'COSE', held: 'COSE_Sign1 with ES384 and no other header' },
    { kind: 'DOC', held: 'every field there, of its type and size' },
    { kind: 'CERT', held: 'X.509 v3, P-384 with SHA-384, no unknown critical extension' },
    { kind: 'ROOT', held: 'the chain begins with a trusted root, byte for byte' },
    { kind: 'CHAIN', held: 'names, CA flags, key usage, path lengths and signatures' },
    { kind: 'TIME', held: 'every certificate valid, the document not from the future' },
    { kind: 'SIG', held: 'signed by the key of its certificate' },
    { kind: 'AGE', held: asked.age, notAsked: 'not asked (--max-age)' },
    {
      kind: 'DEBUG',
      held: asked.allowDebug ? undefined : 'not in debug mode',
      notAsked: 'debug mode allowed: the parent may read such an enclave',
    },
    { kind: 'PCR', held: asked.pcrs, notAsked: 'none pinned' },
    { kind: 'NONCE', held: compared(asked.nonce), notAsked: 'not asked (--nonce): this may be a replay' },
    { kind: 'USERDATA', held: compared(asked.userData), notAsked: 'not asked (--user-data)' },
    { kind: 'PUBKEY', held: compared(asked.publicKey), notAsked: 'not asked (--public-key)' },
    { kind: 'POLICY', held: asked.policy, notAsked: 'none' },
  ];
}

export function reportVerified(verified: VerifiedDocument, asked: Asked): string[] {
  return [
    ...factsOf(verified),
    '',
    'checks',
    ...checksOf(asked).map(({ kind, held, notAsked }) =>
      checkLine(held === undefined ? '-' : 'held', kind, held ?? notAsked ?? ''),
    ),
  ];
}

/** The checks up to the one that refused, and then what was expected and what was seen. */
export function reportRefused(error: VerificationError, asked: Asked): string[] {
  const checks = checksOf(asked);
  const at = checks.findIndex(({ kind }) => kind === error.class);
  const { expected, seen } = error;
  return [
    'checks',
    ...checks
      .slice(0, at)
      .map(({ kind, held, notAsked }) => checkLine(held === undefined ? '-' : 'held', kind, held ?? notAsked ?? '')),
    checkLine(
      'REFUSED',
      error.class,
      plain(expected === undefined ? error.message : `${error.message.split(' must ', 1)[0]} does not hold`),
    ),
    ...(expected === undefined ? [] : [`${' '.repeat(20)}expected  ${plain(expected)}`]),
    ...(seen === undefined ? [] : [`${' '.repeat(20)}seen      ${plain(seen)}`]),
    '',
    `REFUSED (${error.class})`,
  ];
}

function checkLine(verdict: string, kind: string, text: string): string {
  return `  ${verdict.padEnd(8)} ${kind.padEnd(9)}${text}`;
}

function factsOf(verified: VerifiedDocument): string[] {
  const { certificates, pcrs } = verified;
  return [
    `module id  ${plain(verified.moduleId)}`,
    `signed     ${unixMsText(verified.timestamp)}`,
    `checked    ${unixSecondsText(verified.verifiedAt)}${verified.historical ? ' (as asked with --at, not now)' : ''}`,
    ...(verified.debug ? ['DEBUG      this enclave runs in debug mode: its memory is open to the parent'] : []),
    ...(verified.profile === undefined ? [] : [`profile    ${verified.profile}`]),
    ...fieldLines(verified),
    ...verified.unknownFields.map(
      (name) => `unknown    field ${plain(JSON.stringify(name))}, signed but not understood`,
    ),
    '',
    `chain      under ${verified.root === 'aws' ? 'the root of AWS Nitro Enclaves' : 'a CUSTOM root, which proves nothing about AWS hardware'}`,
    ...certificates.map(
      ({ subject, notBefore, notAfter }, level) =>
        `  ${level}  ${unixSecondsText(notBefore)} to ${unixSecondsText(notAfter)}  ${plain(commonName(subject))}`,
    ),
    '',
    'measurements',
    ...measurementLines(pcrs),
  ];
}

export function measurementLines(pcrs: Readonly<Record<number, string>>): string[] {
  const meanings: Readonly<Record<string, string>> = {
    0: 'image',
    1: 'boot',
    2: 'app',
    3: 'role',
    4: 'instance',
    8: 'signer',
    16: 'config',
  };
  const entries = Object.entries(pcrs);
  const shown = entries.filter(([index, value]) => Number(index) <= 2 || /[^0]/.test(value));
  const zero = entries.filter((entry) => !shown.includes(entry)).map(([index]) => index);
  return [
    ...shown.map(([index, value]) => `  ${`PCR${index}`.padEnd(6)}${(meanings[index] ?? '').padEnd(9)} ${value}`),
    ...(zero.length === 0 ? [] : [`  zero: PCR ${zero.join(' ')}`]),
  ];
}

function fieldLines({ nonce, userData, publicKey }: VerifiedDocument): string[] {
  const line = (name: string, value: Uint8Array | undefined): string[] =>
    value === undefined ? [] : [`${name.padEnd(11)}${value.length === 0 ? 'empty' : clipped(toHex(value))}`];
  return [...line('nonce', nonce), ...line('user_data', userData), ...line('public_key', publicKey)];
}

function clipped(hex: string): string {
  return hex.length <= 128 ? hex : `${hex.slice(0, 128)}... (${hex.length / 2} bytes)`;
}

function commonName(subject: string): string {
  // A comma inside a value is escaped by nameText.
  return /(?:^|, )CN=([^,]*)/.exec(subject)?.[1] ?? subject;
}

export function unixSecondsText(unixSeconds: number): string {
  return unixMsText(unixSeconds * 1000).replace('.000Z', 'Z');
}

// A Date cannot hold more than 8.64e15 ms.
export function unixMsText(unixMs: number): string {
  return Math.abs(unixMs) <= 8.64e15 ? new Date(unixMs).toISOString() : `${unixMs} ms`;
}
