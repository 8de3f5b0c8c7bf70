// The roots a document may begin with: AWS's alone unless the caller names others, and then those alone.
import { equalBytes, toHex } from '@caisson/core/bytes';
import { parsePem } from '@caisson/core/x509';
import { awsRoot } from './aws-root.ts';
import { refusal } from './refuse.ts';

export interface TrustRoot {
  readonly der: Uint8Array;
  /** `custom`: proves what its owner says, nothing about AWS hardware. */
  readonly name: 'aws' | 'custom';
}

const aws = awsRoot();

/** DER or PEM text of one certificate each. Throws TypeError for an empty list or for what is neither. */
export function parseTrustRoots(roots: readonly (Uint8Array | string)[] | undefined): readonly TrustRoot[] {
  if (roots === undefined) return [{ der: aws, name: 'aws' }];
  if (!Array.isArray(roots) || roots.length === 0) throw new TypeError('roots must be a list of at least one root');
  return roots.map((root: Uint8Array | string, index) => {
    const der = derOf(root, index);
    return { der, name: equalBytes(der, aws) ? 'aws' : 'custom' };
  });
}

/** The root that `first`, the document's cabundle[0], is byte for byte. Throws VerificationError ROOT. */
export async function findTrustRoot(first: Uint8Array, roots: readonly TrustRoot[]): Promise<TrustRoot> {
  // Names say nothing: anybody can issue a root that is called aws.nitro-enclaves.
  const found = roots.find(({ der }) => equalBytes(der, first));
  if (found !== undefined) return found;
  const expected = (await Promise.all(roots.map(({ der }) => sha256Of(der)))).join(' or ');
  const seen = await sha256Of(first);
  const message = `cabundle[0] must be a trusted root, SHA-256 ${expected}, got ${seen}`;
  throw refusal('ROOT', 'VERIFY_ROOT', message, { expected, seen });
}

export async function sha256Of(bytes: Uint8Array): Promise<string> {
  return toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes))));
}

function derOf(root: Uint8Array | string, index: number): Uint8Array {
  if (root instanceof Uint8Array) return new Uint8Array(root);
  if (typeof root !== 'string')
    throw new TypeError(`roots[${index}] must be DER bytes or PEM text, got ${typeof root}`);
  try {
    return parsePem('CERTIFICATE', root);
  } catch (cause) {
    throw new TypeError(`roots[${index}] must be PEM text of one certificate`, { cause });
  }
}
