// Phase `config` (docs/boot-config.md): from the measured terms to one config, or none, fixed in PCR16. Nothing may run before this has resolved, and
// when it rejects nothing may run at all.
//
//   PCR16 locked ----> check the kept bytes against it, never listen
//   PCR16 extended --> a predecessor died before its lock: the kept bytes must be what it meant; lock, go on as above
//   PCR16 free ------> expect none: fix "no config"; else listen until the first config that is judged good, or the time is up
import { equalBytes, toHex } from '@caisson/core/bytes';
import type { ConfigFault } from '@caisson/core/config';
import type { MeasuredImage } from '@caisson/core/measured';
import type { NsmClient } from '@caisson/core/nitro';
import type { ReasonCode } from '@caisson/link/ready';
import type { Transport } from '@caisson/link/transport';
import type { AcceptedConfig } from './accepted-config.ts';
import { BootRefusal } from './error-code.ts';
import { type ConfigContent, readTakenConfig } from './judge-config.ts';
import { KeptConfig } from './kept-config.ts';
import { digestOf, fixPcr16, lockPcr16, pcr16Of, pcr16Refusal, readPcr16 } from './pcr16.ts';
import { waitForConfig } from './wait-for-config.ts';

export interface BootConfigOptions {
  readonly image: MeasuredImage;
  /** Over the supervisor's own device, which nobody else has yet. */
  readonly nsm: NsmClient;
  readonly transport: Transport;
  /** Default /run/caisson. */
  readonly folder?: string;
  /** From a sender's accept to its last byte; default 10,000. */
  readonly senderTimeoutMs?: number;
  readonly signal?: AbortSignal;
  /** More that must hold of a config before it is taken: what a service of the image will need of it. */
  readonly findFaults?: (config: Uint8Array) => readonly ConfigFault[];
  /** The ports accept. */
  readonly onListening?: () => void;
  /** A sender's config was refused; the wait goes on. The reason may leave the enclave, the faults may not. */
  readonly onRefused?: (reason: ReasonCode, faults: readonly ConfigFault[]) => void;
}

// Given: docs/boot-config.md.
const defaultFolder = '/run/caisson';

/**
 * Rejects with BootRefusal (its `reason` is for the ready line): BOOT_CONFIG_TIMEOUT, BOOT_CONFIG_PCR16, BOOT_CONFIG_KEPT, BOOT_NSM; with
 * what listening and writing reject; with the reason of `signal`.
 */
export async function takeBootConfig(options: BootConfigOptions): Promise<AcceptedConfig> {
  const { image, nsm, folder = defaultFolder } = options;
  const kept = new KeptConfig(folder);
  const state = await readPcr16(nsm);
  if (state.kind !== 'free') {
    const received = await kept.readReceived();
    const digest = digestOf(received);
    if (!equalBytes(state.value, pcr16Of(digest))) throw pcr16Refusal('that of the kept config', state);
    if (state.kind === 'extended') await lockPcr16(nsm, digest);
    return await accept({ received, digest, content: readKept(received, image), kept, adopted: true });
  }
  // A config that lies here was never fixed in PCR16, so nobody has been told that it was accepted.
  await kept.forget();
  const fix = async (received: Uint8Array | null, content: ConfigContent | null): Promise<AcceptedConfig> => {
    const digest = digestOf(received);
    if (received !== null) await kept.writeReceived(received);
    await fixPcr16(nsm, digest);
    return await accept({ received, digest, content, kept, adopted: false });
  };
  if (image.config.expect === 'none') return await fix(null, null);
  return await waitForConfig(options, fix);
}

interface Taken {
  readonly received: Uint8Array | null;
  readonly digest: Uint8Array;
  readonly content: ConfigContent | null;
  readonly kept: KeptConfig;
  readonly adopted: boolean;
}

async function accept({ received, digest, content, kept, adopted }: Taken): Promise<AcceptedConfig> {
  if (content !== null) await kept.writeApplication(content.config);
  return {
    received,
    sha384: toHex(digest),
    config: content?.config ?? null,
    signed: content?.signed ?? null,
    environment: content?.environment ?? {},
    adopted,
  };
}

function readKept(received: Uint8Array | null, image: MeasuredImage): ConfigContent | null {
  if (received === null) return null;
  const judged = readTakenConfig(received, image);
  if (judged.ok) return judged.content;
  // PCR16 holds for these bytes and they were judged by the same image before.
  const text = `kept config must be one that this image takes, got ${judged.faults[0]?.message}`;
  throw new BootRefusal('BOOT_CONFIG_KEPT', 'pcr16-locked', text);
}
