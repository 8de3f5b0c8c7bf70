// What the NSM must be before anything trusts it (P-N4, docs/boot-config.md), and what it says about where this image runs. An enclave is on hardware
// when its own document verifies under AWS's root: nothing that the parent hands in, no file and no clock of his, takes part in that.
import { open } from 'node:fs/promises';
import { parseAttestationDocument } from '@caisson/core/attestation';
import type { ImageProfile } from '@caisson/core/measured';
import { FIRST_OWN_PCR, type NsmClient, PCR_COUNT } from '@caisson/core/nitro';
import type { ReasonCode } from '@caisson/link/ready';
import { verifyDocument } from '@caisson/verify';
import { type BootConfigErrorCode, BootRefusal } from './error-code.ts';
import { askOwnDocument, nsmRefusal } from './own-document.ts';

export interface NsmCheckOptions {
  readonly profile: ImageProfile;
  readonly nsm: NsmClient;
  /** What `readClocksource` gave. */
  readonly clocksource: string;
  /** For tests; default AWS's root alone. */
  readonly roots?: readonly Uint8Array[];
}

export interface NsmCheck {
  /** The document verified under AWS's root. */
  readonly hardware: boolean;
  /** PCR0 to 2 are zero: the parent may read the console. */
  readonly debug: boolean;
  /** What a production image would not have booted with. */
  readonly concerns: readonly { readonly reason: ReasonCode; readonly message: string }[];
}

// Given: the clock of a Nitro enclave comes from its hypervisor, not from a counter that the parent's kernel can steer.
const hypervisorClock = 'kvm-clock';

/**
 * Rejects with BootRefusal: BOOT_NSM, BOOT_DEVELOPMENT_ON_HARDWARE, and in a production image BOOT_CLOCK and BOOT_MEASUREMENT, which a
 * development image only reports. To be asked before phase `config`.
 */
export async function checkNsmAtBoot(options: NsmCheckOptions): Promise<NsmCheck> {
  const { profile, nsm, clocksource, roots } = options;
  const description = await nsm.describeNsm().catch((cause) => {
    throw nsmRefusal('describe itself', cause);
  });
  if (description.maxPcrs < PCR_COUNT || description.digest !== 'SHA384') {
    const text = `nsm must have ${PCR_COUNT} PCRs of SHA384, got ${description.maxPcrs} of ${description.digest}`;
    throw new BootRefusal('BOOT_NSM', 'nsm', text);
  }
  const document = await askOwnDocument(nsm);
  const hardware = await isUnderRoot(document.bytes, roots);
  const debug = await isUnmeasured(nsm);
  if (profile === 'development' && hardware && document.pcr0.some((byte) => byte !== 0)) {
    // Everybody can have the throw-away key and the shell of a development image; on hardware, with its measurements, it could be taken for the
    // real one.
    throw new BootRefusal(
      'BOOT_DEVELOPMENT_ON_HARDWARE',
      'dev-image-on-hardware',
      'development image must not run on hardware outside of debug mode, got a document that verifies under the AWS root',
      { hint: 'build it with the production profile, or run the enclave in debug mode' },
    );
  }
  const concerns: { code: BootConfigErrorCode; reason: ReasonCode; message: string }[] = [];
  if (hardware && clocksource !== hypervisorClock) {
    const message = `clock source must be ${hypervisorClock} on hardware, got ${JSON.stringify(clocksource)}`;
    concerns.push({ code: 'BOOT_CLOCK', reason: 'clock', message });
  }
  if (debug) {
    const message = 'PCR0 to 2 must not be all zero: an enclave in debug mode is measured as nothing';
    concerns.push({ code: 'BOOT_MEASUREMENT', reason: 'nsm', message });
  }
  const used = await findUsedPcr(nsm);
  if (used !== undefined) {
    const message = `PCR17 to 31 must be free before the first service, got PCR${used} in use`;
    concerns.push({ code: 'BOOT_MEASUREMENT', reason: 'nsm', message });
  }
  const [first] = concerns;
  if (profile === 'production' && first !== undefined) throw new BootRefusal(first.code, first.reason, first.message);
  return { hardware, debug, concerns: concerns.map(({ reason, message }) => ({ reason, message })) };
}

// Chosen: a name of a clock source has a dozen characters.
const maxClocksourceBytes = 64;

/** The kernel's clock source, `unknown` where there is none to read (a simulation on another system). */
export async function readClocksource(
  path = '/sys/devices/system/clocksource/clocksource0/current_clocksource',
): Promise<string> {
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return 'unknown';
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(maxClocksourceBytes), 0, maxClocksourceBytes, 0);
    const text = buffer.toString('latin1', 0, bytesRead).trim();
    return /^[a-z0-9_.-]{1,63}$/i.test(text) ? text : 'unknown';
  } finally {
    await file.close();
  }
}

/** At the document's own time: the clock in here is what the question is about, and the NSM's is not. */
async function isUnderRoot(document: Uint8Array, roots: readonly Uint8Array[] | undefined): Promise<boolean> {
  try {
    const at = parseAttestationDocument(document).payload.timestamp / 1_000;
    await verifyDocument(document, { at, allowDebug: true, ...(roots === undefined ? {} : { roots }) });
    return true;
  } catch (error) {
    if (error instanceof TypeError) throw error;
    return false;
  }
}

async function isUnmeasured(nsm: NsmClient): Promise<boolean> {
  for (const index of [0, 1, 2]) {
    const { data } = await describe(nsm, index);
    if (data.some((byte) => byte !== 0)) return false;
  }
  return true;
}

/** Not looked for when PCR16 is locked: then this is a later supervisor of the same boot, whose services may have used their registers. */
async function findUsedPcr(nsm: NsmClient): Promise<number | undefined> {
  if ((await describe(nsm, FIRST_OWN_PCR)).lock) return undefined;
  for (let index = FIRST_OWN_PCR + 1; index < PCR_COUNT; index += 1) {
    const { lock, data } = await describe(nsm, index);
    if (lock || data.some((byte) => byte !== 0)) return index;
  }
  return undefined;
}

async function describe(nsm: NsmClient, index: number): Promise<{ readonly lock: boolean; readonly data: Uint8Array }> {
  return await nsm.describePcr(index).catch((cause) => {
    throw nsmRefusal(`describe PCR${index}`, cause);
  });
}
