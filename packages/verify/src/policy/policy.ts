// What a relying party wants an enclave to be. A policy that would let any enclave pass is no policy: it must pin the image, and may
// not pin zeros, which are what an enclave in debug mode has.
import { PolicyError } from '@caisson/core/errors';
import { parsePem } from '@caisson/core/x509';
import { faultAt, findSchemaFaults, type PolicyFault } from './check-schema.ts';
import type { PolicyErrorCode } from './error-code.ts';
import { POLICY_SCHEMA } from './schema.ts';

/** As it stands in a file; docs/policy.md says what each field means. */
export interface PolicySource {
  readonly v?: 1;
  /** Default `nitro`. The others need `roots` and prove nothing about AWS hardware. */
  readonly backend?: 'nitro' | 'sim' | 'qemu';
  /** Hex by index 0..31; of several values one must hold. */
  readonly pcrs: Readonly<Record<number, string | readonly string[]>>;
  readonly image?: { readonly minimumVersion: number };
  /** Present: the boot config must be fixed in PCR16. */
  readonly config?: { readonly minimumVersion?: number };
  /** Default 300. */
  readonly maxAgeSeconds?: number;
  /** Accept images of profile `development`. Default false. */
  readonly allowDevelopment?: boolean;
  /** PEM. */
  readonly roots?: readonly string[];
}

/** A policy that was checked: lower-case hex, lists, defaults filled in. */
export interface AttestationPolicy extends PolicySource {
  readonly backend: 'nitro' | 'sim' | 'qemu';
  readonly pcrs: Readonly<Record<number, readonly string[]>>;
  readonly maxAgeSeconds: number;
  readonly allowDevelopment: boolean;
}

/** `faults` has all of them, for a reader that knows the lines of the file. */
export class PolicyFaultError extends PolicyError<PolicyErrorCode> {
  readonly faults: readonly PolicyFault[];

  constructor(faults: readonly PolicyFault[]) {
    super('POLICY_FAULTS', faults.map(({ message }) => message).join('; '));
    this.faults = faults;
  }
}

// Chosen: what a challenge and its answer may take, clocks included.
const defaultMaxAgeSeconds = 300;

/** Throws PolicyFaultError POLICY_FAULTS. */
export function checkPolicy(value: unknown): AttestationPolicy {
  const faults = findSchemaFaults(value, POLICY_SCHEMA);
  if (faults.length > 0) throw new PolicyFaultError(faults);
  const source = value as PolicySource;
  const pcrs = Object.fromEntries(
    Object.entries(source.pcrs).map(([index, values]) => [
      index,
      (typeof values === 'string' ? [values] : values).map((one) => one.toLowerCase()),
    ]),
  );
  const meaning = [...zeroFaults(pcrs), ...pinFaults(source), ...rootFaults(source)];
  if (meaning.length > 0) throw new PolicyFaultError(meaning);
  return {
    ...source,
    backend: source.backend ?? 'nitro',
    pcrs,
    maxAgeSeconds: source.maxAgeSeconds ?? defaultMaxAgeSeconds,
    allowDevelopment: source.allowDevelopment ?? false,
  };
}

function zeroFaults(pcrs: Readonly<Record<string, readonly string[]>>): PolicyFault[] {
  return Object.entries(pcrs)
    .filter(([, values]) => values.some((one) => /^0+$/.test(one)))
    .map(([index]) => faultAt(['pcrs', index], 'must not be zeros: every enclave in debug mode has them'));
}

// PCR8 names who signed the image: without a least version that accepts every image he ever signed.
function pinFaults({ pcrs, image }: PolicySource): PolicyFault[] {
  if (Object.hasOwn(pcrs, 0) || (Object.hasOwn(pcrs, 8) && image !== undefined)) return [];
  const seen = Object.keys(pcrs).join(' ') || 'none';
  return [faultAt(['pcrs'], `must pin the image: PCR 0, or PCR 8 with image.minimumVersion, got PCRs ${seen}`)];
}

function rootFaults({ backend = 'nitro', roots }: PolicySource): PolicyFault[] {
  if (backend === 'nitro') {
    return roots === undefined
      ? []
      : [faultAt(['roots'], 'must not stand with backend nitro, whose root is compiled in: name backend sim or qemu')];
  }
  if (roots === undefined) return [faultAt(['roots'], `must be there with backend ${backend}, got nothing`)];
  return roots.flatMap((pem, index) =>
    isPem(pem) ? [] : [faultAt(['roots', String(index)], 'must be PEM text of one certificate, got something else')],
  );
}

function isPem(text: string): boolean {
  try {
    return parsePem('CERTIFICATE', text).length > 0;
  } catch {
    return false;
  }
}
