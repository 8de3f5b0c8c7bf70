// A document asked from the enclave's own NSM, for what only the hypervisor can say in here: the time, and what this enclave is measured as.
// It is parsed and not verified against a root: whoever could stand between this process and its device owns the enclave already, and
// a simulated NSM has a root that nobody here knows. The nonce keeps an older answer on a shared socket from passing for this one.
import { randomBytes } from 'node:crypto';
import { parseAttestationDocument } from '@caisson/core/attestation';
import { equalBytes, toHex } from '@caisson/core/bytes';
import { CaissonError } from '@caisson/core/errors';
import type { NsmClient } from '@caisson/core/nitro';
import { BootRefusal } from './error-code.ts';

export interface OwnDocument {
  readonly bytes: Uint8Array;
  /** Unix milliseconds by the hypervisor's clock. */
  readonly timestampMs: number;
  readonly pcr0: Uint8Array;
}

/** Rejects with BootRefusal BOOT_NSM. */
export async function askOwnDocument(nsm: NsmClient): Promise<OwnDocument> {
  const nonce = Uint8Array.from(randomBytes(32));
  try {
    const bytes = await nsm.attestation({ nonce });
    const { payload } = parseAttestationDocument(bytes);
    const pcr0 = payload.pcrs.get(0);
    if (payload.nonce === undefined || !equalBytes(payload.nonce, nonce)) throw wrong(`nonce ${toHex(nonce)}`);
    if (pcr0 === undefined) throw wrong('PCR0');
    return { bytes, timestampMs: payload.timestamp, pcr0 };
  } catch (cause) {
    if (cause instanceof BootRefusal) throw cause;
    throw nsmRefusal('give a document', cause);
  }
}

/** What the NSM did not do, with its own word where it gave one. */
export function nsmRefusal(what: string, cause: unknown): BootRefusal {
  const said = cause instanceof CaissonError || cause instanceof Error ? cause.message : String(cause);
  return new BootRefusal('BOOT_NSM', 'nsm', `nsm must ${what} while the enclave boots: ${said}`, { cause });
}

function wrong(what: string): BootRefusal {
  return new BootRefusal(
    'BOOT_NSM',
    'nsm',
    `nsm must give a document with ${what} while the enclave boots, got one without`,
  );
}
