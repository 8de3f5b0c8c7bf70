// A policy made from what somebody has: an image file, a document that holds, values, the names of a role or an instance. Sources that
// disagree about a PCR are an error, never a list of both.
import { createHash } from 'node:crypto';
import { PolicyError } from '@caisson/core/errors';
import type { ImageProfile } from '@caisson/core/measured';
import type { VerifiedDocument } from '@caisson/verify';
import { type AttestationPolicy, checkPolicy, type PolicySource } from '@caisson/verify/policy';
import type { PolicyFileErrorCode } from './error-code.ts';

export interface PolicyMaterial {
  /** PCR0 to PCR2 of an image file. */
  readonly image?: Readonly<Record<number, string>>;
  /** Of that image, where it has one. */
  readonly imageProfile?: ImageProfile | null;
  /** A document that was verified: its PCR0 to PCR2, and PCR8 where the image is signed. */
  readonly document?: VerifiedDocument;
  /** Hex by index. */
  readonly pcrs?: Readonly<Record<number, string>>;
  /** IAM role of the parent instance: PCR3. */
  readonly roleArn?: string;
  /** Of the parent instance: PCR4. */
  readonly instanceId?: string;
  readonly minimumImageVersion?: number;
  readonly maxAgeSeconds?: number;
  readonly allowDevelopment?: boolean;
  readonly roots?: readonly string[];
  readonly backend?: 'sim' | 'qemu';
}

const roleForm = /^arn:(aws|aws-cn|aws-us-gov):iam::[0-9]{12}:role\/[\x21-\x7e]{1,512}$/;
const instanceForm = /^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/;

/** Throws PolicyError POLICY_DRAFT for material that contradicts itself, PolicyFaultError POLICY_FAULTS where no image is pinned. */
export function draftPolicy(material: PolicyMaterial): AttestationPolicy {
  const { document, roleArn, instanceId } = material;
  if (document?.debug) throw fault('document must be of an enclave that is not in debug mode, got one in debug mode');
  const isDevelopment = [document?.profile, material.imageProfile].includes('development');
  if (isDevelopment && !material.allowDevelopment) {
    throw fault('image must have profile production, got development', 'allow it with --allow-development');
  }
  const pcrs: Record<number, string> = {};
  const pin = (from: string, values: Readonly<Record<number, string>>): void => {
    for (const [key, value] of Object.entries(values)) {
      const [index, hex] = [Number(key), value.toLowerCase()];
      if ((pcrs[index] ?? hex) !== hex) throw fault(`PCR${index} of ${from} must agree with the others, got ${hex}`);
      pcrs[index] = hex;
    }
  };
  pin('the image', material.image ?? {});
  if (document !== undefined) pin('the document', imagePcrs(document));
  pin('--pcr', material.pcrs ?? {});
  if (roleArn !== undefined) pin('the role', { 3: measureText('role ARN', roleArn, roleForm) });
  if (instanceId !== undefined) pin('the instance', { 4: measureText('instance id', instanceId, instanceForm) });
  return checkPolicy(sourceOf(material, pcrs));
}

function sourceOf(material: PolicyMaterial, pcrs: Readonly<Record<number, string>>): PolicySource {
  const { minimumImageVersion, maxAgeSeconds, allowDevelopment, roots, backend } = material;
  return {
    pcrs,
    ...(minimumImageVersion !== undefined && { image: { minimumVersion: minimumImageVersion } }),
    ...(maxAgeSeconds !== undefined && { maxAgeSeconds }),
    ...(allowDevelopment && { allowDevelopment }),
    ...(backend !== undefined && { backend }),
    ...(roots !== undefined && { roots }),
  };
}

// PCR3 and PCR4 are of the parent this document came from: pinned only when somebody asks for them.
function imagePcrs({ pcrs }: VerifiedDocument): Record<number, string> {
  return Object.fromEntries(
    [0, 1, 2, 8].flatMap((index) => (/[^0]/.test(pcrs[index] ?? '') ? [[index, pcrs[index]!] as const] : [])),
  );
}

// Given: SHA-384 of 48 zero bytes and the ASCII text, as the hypervisor measures the parent (AWS, "Where to get an enclave's measurements").
function measureText(what: string, text: string, form: RegExp): string {
  if (!form.test(text)) throw fault(`${what} must match ${form.source}, got ${JSON.stringify(text.slice(0, 80))}`);
  return createHash('sha384').update(new Uint8Array(48)).update(text, 'ascii').digest('hex');
}

function fault(message: string, hint?: string): PolicyError<PolicyFileErrorCode> {
  return new PolicyError('POLICY_DRAFT', message, hint === undefined ? {} : { hint });
}
