// PCR16 says for the rest of this boot, and in every document, which config the enclave took or that it took none (docs/boot-config.md).
//
//   free ---- extend ----> extended ---- lock ----> locked
// The kept bytes are written before the first step, so that whoever comes after a crash can tell in each state what is meant.
import { createHash } from 'node:crypto';
import { equalBytes, toHex } from '@caisson/core/bytes';
import { NO_CONFIG } from '@caisson/core/config';
import { FIRST_OWN_PCR, type NsmClient, PCR_BYTES } from '@caisson/core/nitro';
import { BootRefusal } from './error-code.ts';
import { nsmRefusal } from './own-document.ts';

export type Pcr16State =
  | { readonly kind: 'free' }
  /** A predecessor died between its two steps. */
  | { readonly kind: 'extended'; readonly value: Uint8Array }
  | { readonly kind: 'locked'; readonly value: Uint8Array };

const configPcr = FIRST_OWN_PCR;

/** SHA-384 of a config as received; of `caisson/no-config/1` for null. */
export function digestOf(received: Uint8Array | null): Uint8Array {
  return sha384(received ?? NO_CONFIG);
}

/** What PCR16 holds once `digest` is the first and only thing extended into it. */
export function pcr16Of(digest: Uint8Array): Uint8Array {
  return sha384(new Uint8Array(PCR_BYTES), digest);
}

/** Rejects with BootRefusal BOOT_NSM. */
export async function readPcr16(nsm: NsmClient): Promise<Pcr16State> {
  const { lock, data } = await nsm.describePcr(configPcr).catch((cause) => {
    throw nsmRefusal('describe PCR16', cause);
  });
  if (lock) return { kind: 'locked', value: data };
  return data.every((byte) => byte === 0) ? { kind: 'free' } : { kind: 'extended', value: data };
}

/** Extends a free PCR16 and locks it. Rejects with BootRefusal BOOT_NSM or BOOT_CONFIG_PCR16; the boot cannot go on then. */
export async function fixPcr16(nsm: NsmClient, digest: Uint8Array): Promise<void> {
  await nsm.extendPcr(configPcr, digest).catch((cause) => {
    throw nsmRefusal('extend PCR16', cause);
  });
  await lockPcr16(nsm, digest);
}

/** The second step alone. Reads back: a lock that did not hold would let whoever comes later claim another config. */
export async function lockPcr16(nsm: NsmClient, digest: Uint8Array): Promise<void> {
  await nsm.lockPcr(configPcr).catch((cause) => {
    throw nsmRefusal('lock PCR16', cause);
  });
  const state = await readPcr16(nsm);
  if (state.kind === 'locked' && equalBytes(state.value, pcr16Of(digest))) return;
  throw pcr16Refusal(`locked on the config that was taken`, state);
}

export function pcr16Refusal(rule: string, state: Pcr16State): BootRefusal {
  const got = state.kind === 'free' ? 'it free' : `it ${state.kind} at ${toHex(state.value).slice(0, 16)}...`;
  return new BootRefusal('BOOT_CONFIG_PCR16', 'pcr16-locked', `PCR16 must be ${rule}, got ${got}`);
}

function sha384(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha384');
  for (const part of parts) hash.update(part);
  return Uint8Array.from(hash.digest());
}
