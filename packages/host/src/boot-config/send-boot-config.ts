// A boot config to an enclave, with a log line for each thing that happens to it. A refusal comes with the enclave's reasons: they are the
// enclave's text, so they are shown as data.
import { type Cid, formatAddress, type VsockPort } from '@caisson/core/address';
import type { ConfigFault } from '@caisson/core/config';
import { CaissonError, PolicyError } from '@caisson/core/errors';
import type { Say } from '@caisson/link/argonaut';
import {
  type ConfigForm,
  type DeliveredConfig,
  deliverConfig,
  FRAMED_CONFIG_PORT,
  RAW_CONFIG_PORT,
} from '@caisson/link/config';
import type { Transport } from '@caisson/link/transport';
import type { HostBootConfigErrorCode } from './error-code.ts';

export interface SendBootConfigOptions {
  readonly transport: Transport;
  readonly cid: Cid;
  readonly bytes: Uint8Array;
  readonly say: Say;
  /** Until a port accepts. */
  readonly timeoutMs: number;
  /** Wait for ports that still refuse. Default false. */
  readonly retry?: boolean;
  /** Default: framed where the enclave offers it, else raw. */
  readonly form?: ConfigForm;
  /** Default 7777; 7778 in the framed form. */
  readonly port?: VsockPort;
  onWaiting?(): void;
  readonly signal: AbortSignal;
}

/**
 * Throws PolicyError HOST_CONFIG_REFUSED with the first fault, after each was logged, CaissonError HOST_CONFIG_CLOSED where nobody takes one,
 * and what deliverConfig throws.
 */
export async function sendBootConfig(options: SendBootConfigOptions): Promise<DeliveredConfig> {
  const { cid, bytes, say, form, port } = options;
  const delivered = await deliverConfig({
    ...options,
    ...(port === undefined ? {} : form === 'framed' ? { framedPort: port } : { rawPort: port }),
  }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ECONNREFUSED' ? closed(options, error) : error;
  });
  const place = `CID ${cid} via VSOCK:${delivered.port}`;
  const fields = { cid, port: delivered.port, bytes: bytes.length, form: delivered.form };
  if (delivered.form === 'framed' && !delivered.reply.ok) {
    for (const fault of delivered.reply.faults) {
      say({ level: 'error', code: 'CONFIG_FAULT', message: `[host] ${plain(fault.message)}`, fields });
    }
    throw refusal(delivered.reply.faults, formatAddress({ kind: 'vsock', cid, port: delivered.port }));
  }
  say({
    level: 'info',
    code: 'CONFIG_SENT',
    message: `[host] config sent (${bytes.length} bytes) to ${place}`,
    fields,
  });
  if (delivered.form === 'framed' && delivered.reply.ok) {
    const { sha384 } = delivered.reply;
    const message = `[host] config taken by CID ${cid}: sha384 ${sha384}`;
    say({ level: 'info', code: 'CONFIG_TAKEN', message, fields: { cid, sha384 } });
  }
  return delivered;
}

function refusal(faults: readonly ConfigFault[], place: string): PolicyError<HostBootConfigErrorCode> {
  const [first, ...others] = faults;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  const message = `${place} refused the config: ${plain(first?.message ?? 'it gave no reason')}${more}`;
  return new PolicyError('HOST_CONFIG_REFUSED', message);
}

function closed({ cid, form, port }: SendBootConfigOptions, cause: Error): CaissonError<HostBootConfigErrorCode> {
  const known = form === 'framed' ? FRAMED_CONFIG_PORT : RAW_CONFIG_PORT;
  const place = formatAddress({ kind: 'vsock', cid, port: port ?? known });
  const hint = `no enclave, one that has its config or asks for none, or, on ${RAW_CONFIG_PORT}, one that takes signed configs only; caisson wait ${cid} tells`;
  return new CaissonError('HOST_CONFIG_CLOSED', `${place} takes no config: nobody listens`, { cause, hint });
}

/** Without control characters: a terminal would obey them. */
function plain(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '?');
}
