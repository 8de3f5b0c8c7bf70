// `caisson attest verify`: is this document genuine, and is it of the enclave I want? The checks that were asked for run first and the first
// that does not hold is exit 2; a genuine document that nothing was held to ends with 2 as well, because a script that asks no
// question must not get a yes.
import { toHex } from '@caisson/core/bytes';
import { plain } from '@caisson/core/log';
import type { VerificationError, VerifiedDocument, VerifyDocumentOptions } from '@caisson/verify';
import type { AttestationPolicy } from '@caisson/verify/policy';
import type { Command } from 'commander';
import { type Asked, reportRefused, reportVerified } from '../attest-report.ts';
import { readDocument } from '../document-text.ts';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK, EXIT_REFUSED, UsageError } from '../exit-code.ts';
import { collectPcr, integer, parseHexOption } from '../nsm-argument.ts';
import type { Surroundings } from '../surroundings.ts';
import { collect, readRoots } from '../trust-root.ts';

interface Flags {
  readonly root?: readonly string[];
  readonly at?: string;
  /** False: `--no-policy`. */
  readonly policy?: string | false;
  readonly pcr: Readonly<Record<number, string>>;
  readonly nonce?: string;
  readonly userData?: string;
  readonly publicKey?: string;
  readonly maxAge?: string;
  readonly allowDebug?: true;
  readonly strict?: true;
  readonly json?: true;
}

export function registerAttestVerify(attest: Command, surroundings: Surroundings): void {
  const command = attest
    .command('verify <file>')
    .description('verify a document (binary, hex or base64; - is standard input); exit 2 when it does not hold')
    .option('--root <pem>', 'trust this root instead of AWS’s; repeatable', collect)
    .option('--at <unix>', 'the moment to verify for, unix seconds; default now')
    .option('--policy <file>', 'what the enclave must be (docs/policy.md)')
    .option('--no-policy', 'ask only whether it is genuine: nothing pins the image')
    .option('--pcr <n=hex>', 'the PCR must have this value; repeatable', collectPcr, {})
    .option('--nonce <hex>', 'the nonce it must carry')
    .option('--user-data <hex>', 'the user_data it must carry')
    .option('--public-key <hex>', 'the public_key it must carry')
    .option('--max-age <seconds>', 'refuse an older document')
    .option('--allow-debug', 'accept an enclave in debug mode')
    .option('--strict', 'refuse fields that this version does not know')
    .option('--json', 'print one JSON document');
  withExitAction(command, (file: string, flags: Flags) => verify(file, flags, surroundings));
}

async function verify(file: string, flags: Flags, { stdin, stdout, stderr }: Surroundings): Promise<number> {
  const options = optionsOf(flags);
  const policy = await policyOf(flags);
  const roots = await readRoots(flags.root);
  const { bytes } = await readDocument(file, stdin);
  const asked = askedOf(flags, policy);
  const isPinned =
    policy !== undefined || flags.policy === false || flags.pcr[0] !== undefined || flags.pcr[8] !== undefined;
  // Before anything else that a person could take for a verdict about hardware.
  const warning = warningOf(policy, roots);
  if (warning !== undefined) (flags.json ? stderr : stdout).write(`${warning}\n`);
  const verifier = await import('@caisson/verify');
  try {
    const verified =
      policy === undefined
        ? await verifier.verifyDocument(bytes, { ...options, ...(roots !== undefined && { roots }) })
        : await verifier.verifyByPolicy(bytes, policy, options);
    stdout.write(
      flags.json
        ? `${JSON.stringify(isPinned ? facts(verified) : unpinned(verified))}\n`
        : lines(verified, asked, isPinned),
    );
    return isPinned ? EXIT_OK : EXIT_REFUSED;
  } catch (error) {
    if (!(error instanceof verifier.VerificationError)) throw error;
    stdout.write(flags.json ? `${JSON.stringify(refusal(error))}\n` : `${reportRefused(error, asked).join('\n')}\n`);
    if (error.hint !== undefined) stderr.write(`  hint: ${error.hint}\n`);
    return EXIT_REFUSED;
  }
}

const unpinnedMessage = 'nothing pins the image';

function lines(verified: VerifiedDocument, asked: Asked, isPinned: boolean): string {
  const root = verified.root === 'aws' ? 'AWS root' : 'CUSTOM root';
  const end = isPinned
    ? `VERIFIED under the ${root}${verified.debug ? ', in DEBUG mode' : ''}`
    : `POLICY: ${unpinnedMessage} (--policy, --pcr 0=HEX, or --no-policy to ask only whether it is genuine)`;
  return `${[...reportVerified(verified, asked), '', end].join('\n')}\n`;
}

function optionsOf(flags: Flags): VerifyDocumentOptions {
  for (const [index, value] of Object.entries(flags.pcr)) {
    if (!/^[0-9a-fA-F]{96}$/.test(value))
      throw new UsageError(`--pcr ${index} must have 96 hex digits, got ${value.length} characters`);
    if (/^0+$/.test(value))
      throw new UsageError(`--pcr ${index} must not be zeros, which every enclave in debug mode has`);
  }
  const hex = (name: string, text: string | undefined) =>
    text === undefined ? undefined : parseHexOption(name, text, 1024);
  const nonce = hex('--nonce', flags.nonce);
  const userData = hex('--user-data', flags.userData);
  const publicKey = hex('--public-key', flags.publicKey);
  return {
    pcrs: flags.pcr,
    ...(flags.at !== undefined && { at: unixSeconds(flags.at) }),
    ...(flags.maxAge !== undefined && { maxAgeSeconds: integer('--max-age', flags.maxAge, 0, 999_999_999) }),
    ...(flags.allowDebug && { allowDebug: true }),
    ...(flags.strict && { strict: true }),
    ...(nonce !== undefined && { nonce }),
    ...(userData !== undefined && { userData }),
    ...(publicKey !== undefined && { publicKey }),
  };
}

function unixSeconds(text: string): number {
  // Given: 253402300799 is the last second of the year 9999, where certificate times end.
  const value = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN;
  if (value <= 253_402_300_799) return value;
  throw new UsageError(`--at must be unix seconds in 0..253402300799, got ${text}`);
}

async function policyOf({ policy, root, allowDebug }: Flags): Promise<AttestationPolicy | undefined> {
  if (policy === undefined || policy === false) return undefined;
  if (root !== undefined)
    throw new UsageError('--root and --policy must not stand together: a policy names its roots itself');
  if (allowDebug)
    throw new UsageError('--allow-debug and --policy must not stand together: no policy accepts a debug enclave');
  const { readPolicyFile } = await import('@caisson/host/policy');
  return readPolicyFile(policy);
}

function warningOf(
  policy: AttestationPolicy | undefined,
  roots: readonly Uint8Array[] | undefined,
): string | undefined {
  if (policy !== undefined && policy.backend !== 'nitro') {
    return `SIMULATED (backend ${policy.backend}): this proves nothing about AWS hardware`;
  }
  return roots === undefined ? undefined : 'CUSTOM ROOT: this proves what its owner says, nothing about AWS hardware';
}

function askedOf(flags: Flags, policy: AttestationPolicy | undefined): Asked {
  const maxAge = flags.maxAge ?? policy?.maxAgeSeconds;
  const pinned = [...new Set([...Object.keys(flags.pcr), ...Object.keys(policy?.pcrs ?? {})])].sort(
    (a, b) => Number(a) - Number(b),
  );
  return {
    age: maxAge === undefined ? undefined : `at most ${maxAge} s old`,
    pcrs: pinned.length === 0 ? undefined : `PCR ${pinned.join(' ')} as pinned`,
    nonce: flags.nonce !== undefined,
    userData: flags.userData !== undefined,
    publicKey: flags.publicKey !== undefined,
    allowDebug: flags.allowDebug ?? false,
    policy: policy === undefined ? undefined : `as ${plain(String(flags.policy))} says`,
  };
}

function facts(verified: VerifiedDocument): object {
  const hex = (value: Uint8Array | undefined): string | null => (value === undefined ? null : toHex(value));
  const { root, verifiedAt, historical, debug, profile, moduleId, timestamp, pcrs, certificates, unknownFields } =
    verified;
  const { nonce, userData, publicKey } = verified;
  return {
    v: 1,
    verified: true,
    root,
    verifiedAt,
    historical,
    debug,
    profile: profile ?? null,
    moduleId,
    timestamp,
    pcrs,
    certificates,
    nonce: hex(nonce),
    userData: hex(userData),
    publicKey: hex(publicKey),
    unknownFields,
  };
}

function unpinned(verified: VerifiedDocument): object {
  const document = { ...facts(verified), verified: undefined, v: undefined };
  return { v: 1, verified: false, class: 'POLICY', code: 'VERIFY_POLICY', message: unpinnedMessage, document };
}

function refusal({ class: kind, code, message, expected, seen }: VerificationError): object {
  return { v: 1, verified: false, class: kind, code, message, expected, seen };
}
