// `attest verify` at work. The checks that were asked for run first and the first that does not hold is exit 2; a genuine document that nothing was held
// to ends with 2 as well, because a script that asks no question must not get a yes. An enclave that runs is asked for a document, which then has to
// hold like any other.
import { toHex } from '@caisson/core/bytes';
import { plain } from '@caisson/core/log';
import type { VerificationError, VerifiedDocument, VerifyDocumentOptions } from '@caisson/verify';
import type { AttestationPolicy } from '@caisson/verify/policy';
import { type Asked, reportRefused, reportVerified } from './attest-report.ts';
import { readDocument } from './document-text.ts';
import { askEnclave, type EnclaveFlags, refuseEnclaveFlags } from './enclave-document.ts';
import { EXIT_OK, EXIT_REFUSED, UsageError } from './exit-code.ts';
import { jsonText } from './json-text.ts';
import { integer, parseHexOption } from './nsm-argument.ts';
import type { Surroundings } from './surroundings.ts';
import { readRoots } from './trust-root.ts';

export interface VerifyFlags extends Omit<EnclaveFlags, 'policy'> {
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

export async function verifyFile(file: string, flags: VerifyFlags, surroundings: Surroundings): Promise<number> {
  const options = optionsOf(flags);
  refuseEnclaveFlags(enclaveFlagsOf(flags), `document ${file}`);
  const policy = await policyOf(flags);
  const roots = await readRoots(flags.root);
  const { bytes } = await readDocument(file, surroundings.stdin);
  const isPinned =
    policy !== undefined || flags.policy === false || flags.pcr[0] !== undefined || flags.pcr[8] !== undefined;
  warn(warningOf(policy, roots), flags, surroundings);
  const verdict = async (): Promise<VerifiedDocument> => {
    const verifier = await import('@caisson/verify');
    return policy === undefined
      ? await verifier.verifyDocument(bytes, { ...options, ...(roots !== undefined && { roots }) })
      : await verifier.verifyByPolicy(bytes, policy, options);
  };
  return await report(verdict, { flags, asked: () => askedOf(flags, policy), isPinned }, surroundings);
}

/** Asks the enclave for a fresh document, with a nonce made for this command. */
export async function verifyEnclave(name: string, flags: VerifyFlags, surroundings: Surroundings): Promise<number> {
  const options = optionsOf(flags);
  const ofFile = flagOfFile(flags);
  if (ofFile !== undefined) {
    throw new UsageError(
      `${ofFile} must not stand with an enclave by name, whose document is made for this command and held to a policy`,
      `caisson attest document ${name} --nonce HEX --out FILE, then verify the file`,
    );
  }
  let asked = askedOf(flags, undefined);
  const onPolicy = (policy: AttestationPolicy, source: string): void => {
    warn(warningOf(policy, undefined), flags, surroundings);
    asked = { ...askedOf({ ...flags, policy: source }, policy), ...heldBySession };
  };
  const verdict = async (): Promise<VerifiedDocument> => {
    const { document, nonce, attestation } = await askEnclave(name, enclaveFlagsOf(flags), surroundings, { onPolicy });
    const { verifyByPolicy } = await import('@caisson/verify');
    // Checked again with the flags of this command: the session has only compared key and user_data with its own.
    const { policy, publicKey, userData } = attestation;
    const named = { ...(publicKey !== undefined && { publicKey }), ...(userData !== undefined && { userData }) };
    return await verifyByPolicy(document, policy, { ...options, nonce, ...named });
  };
  return await report(verdict, { flags, asked: () => asked, isPinned: true }, surroundings);
}

const heldBySession = {
  nonce: 'that of this command: a document of now',
  userData: 'names this very session and both its keys',
  publicKey: 'the key that this session was opened with',
} as const;

export function enclaveFlagsOf({ policy, ...flags }: VerifyFlags): EnclaveFlags {
  return { ...flags, ...(typeof policy === 'string' && { policy }) };
}

/** The first flag that makes sense only for a document in a file. */
function flagOfFile(flags: VerifyFlags): string | undefined {
  const { root, at, policy, nonce, userData, publicKey, allowDebug } = flags;
  const given: readonly [flag: string, isGiven: boolean][] = [
    ['--root', root !== undefined],
    ['--at', at !== undefined],
    ['--no-policy', policy === false],
    ['--nonce', nonce !== undefined],
    ['--user-data', userData !== undefined],
    ['--public-key', publicKey !== undefined],
    ['--allow-debug', allowDebug !== undefined],
  ];
  return given.find(([, isGiven]) => isGiven)?.[0];
}

/** Printed before anything that could be taken for a verdict about hardware. */
function warn(text: string | undefined, { json }: VerifyFlags, { stdout, stderr }: Surroundings): void {
  if (text !== undefined) (json ? stderr : stdout).write(`${text}\n`);
}

async function report(
  verdict: () => Promise<VerifiedDocument>,
  { flags, asked, isPinned }: { readonly flags: VerifyFlags; asked(): Asked; readonly isPinned: boolean },
  { stdout, stderr }: Surroundings,
): Promise<number> {
  const verifier = await import('@caisson/verify');
  try {
    const verified = await verdict();
    stdout.write(
      flags.json
        ? `${jsonText(isPinned ? facts(verified) : unpinned(verified))}\n`
        : lines(verified, asked(), isPinned),
    );
    return isPinned ? EXIT_OK : EXIT_REFUSED;
  } catch (error) {
    if (!(error instanceof verifier.VerificationError)) throw error;
    const hint = (await import('@caisson/host/explain')).hintOfError(error);
    stdout.write(flags.json ? `${jsonText(refusal(error, hint))}\n` : `${reportRefused(error, asked()).join('\n')}\n`);
    if (hint !== undefined) stderr.write(`  hint: ${plain(hint)}\n`);
    return EXIT_REFUSED;
  }
}

const unpinnedMessage = 'nothing pins the image';
const unpinnedHint = '--policy, --pcr 0=HEX, or --no-policy to ask only whether it is genuine';

function lines(verified: VerifiedDocument, asked: Asked, isPinned: boolean): string {
  const root = verified.root === 'aws' ? 'AWS root' : 'CUSTOM root';
  const end = isPinned
    ? `VERIFIED under the ${root}${verified.debug ? ', in DEBUG mode' : ''}`
    : `POLICY: ${unpinnedMessage} (${unpinnedHint})`;
  return `${[...reportVerified(verified, asked), '', end].join('\n')}\n`;
}

function optionsOf(flags: VerifyFlags): VerifyDocumentOptions {
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

async function policyOf({ policy, root, allowDebug }: VerifyFlags): Promise<AttestationPolicy | undefined> {
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

function askedOf(flags: VerifyFlags, policy: AttestationPolicy | undefined): Asked {
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
  const refused = { v: 1, verified: false, class: 'POLICY', code: 'VERIFY_POLICY', message: unpinnedMessage };
  return { ...refused, hint: unpinnedHint, document };
}

function refusal({ class: kind, code, message, expected, seen }: VerificationError, hint: string | undefined): object {
  return { v: 1, verified: false, class: kind, code, message, expected, seen, hint: hint ?? null };
}
