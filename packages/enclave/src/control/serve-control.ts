// The control port of a booted enclave, inside the supervisor's trust: its key of this life, the operators that the image and the signed config
// name, the facts that every document says. Nothing is asked of the NSM through /run/nsm.sock: user_data of ours is refused there from everybody.
import { parseAttestationDocument } from '@caisson/core/attestation';
import { CaissonError } from '@caisson/core/errors';
import type { Log } from '@caisson/core/log';
import type { MeasuredImage, MeasuredOperators } from '@caisson/core/measured';
import { createNsmClient } from '@caisson/core/nitro';
import {
  CONTROL_PORT,
  type ControlHandlers,
  type ControlServer,
  createControlAuthority,
  createControlIdentity,
  type Readiness,
  serveControl,
} from '@caisson/link/control';
import type { Transport } from '@caisson/link/transport';
import type { NsmDevice } from '@caisson/sys';
import { type AcceptedConfig, askOwnDocument } from '../boot-config/index.ts';
import { createNsmRate } from '../nsm/index.ts';
import { describeEnclave } from './describe-enclave.ts';
import { createEventLog } from './log-event.ts';
import { createTrustedClock } from './trusted-clock.ts';

export interface EnclaveControlOptions {
  readonly transport: Transport;
  readonly device: NsmDevice;
  readonly image: MeasuredImage;
  readonly operators: MeasuredOperators;
  readonly config: AcceptedConfig;
  /** Hex, 16 bytes. */
  readonly bootId: string;
  readonly readiness: Readiness;
  readonly handlers: ControlHandlers;
  readonly log: Log;
}

/** Rejects with BootRefusal BOOT_NSM, and as the transport's listen does. */
export async function serveEnclaveControl(options: EnclaveControlOptions): Promise<ControlServer> {
  const { transport, device, image, operators, config, readiness, handlers, log } = options;
  const nsm = createNsmClient(device);
  const own = await askOwnDocument(nsm);
  const clock = createTrustedClock(own.timestampMs);
  const rate = createNsmRate();
  const authority = createControlAuthority({
    measured: operators,
    pcr0: own.pcr0,
    label: image.config.label,
    now: clock.now,
  });
  const list = config.signed?.operators ?? null;
  if (list !== null) {
    try {
      const { version, notAfter } = await authority.takeList(list);
      log.info('CONTROL_LIST', 'operator list of the boot config taken', { version, notAfter });
    } catch (error) {
      // The config stands without it; whoever is only on that list stays outside.
      if (!(error instanceof CaissonError)) throw error;
      log.warn('CONTROL_LIST', 'operator list of the boot config refused', { reason: error.code });
    }
  }
  const server = await serveControl({
    transport,
    authority,
    readiness,
    handlers,
    now: clock.now,
    identity: await createControlIdentity(),
    facts: describeEnclave(options),
    async issue(fields, by) {
      // The rules of /run/nsm.sock (docs/wire/nsm.md), for each operator: one who asks all the time keeps nobody else waiting.
      await rate.admit(Number.parseInt(by.slice(0, 8), 16));
      const document = await nsm.attestation(fields);
      clock.take(parseAttestationDocument(document).payload.timestamp);
      return document;
    },
    onEvent: createEventLog(log),
  });
  log.info('CONTROL_LISTENING', `Pipeline listening on port ${CONTROL_PORT}`);
  return server;
}
