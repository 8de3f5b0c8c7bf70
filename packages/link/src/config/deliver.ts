// A config to whichever port the enclave opens: framed on 7778 where it can, raw on 7777 where only that is there. A receiver of both opens
// 7778 first, so that 7777 alone means a receiver that knows no other form; the dial order below relies on that.
import type { Socket } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import { retryUntil } from '../transport/retry.ts';
import { codeOf, createSocketError } from '../transport/socket-error.ts';
import type { Transport } from '../transport/transport.ts';
import { type ConfigReply, FRAMED_CONFIG_PORT, RAW_CONFIG_PORT } from './messages.ts';
import { requireDeliverable, transferRaw } from './send.ts';
import { exchangeFramed } from './send-framed.ts';

export type ConfigForm = 'framed' | 'raw';

export interface DeliverConfigOptions {
  readonly transport: Transport;
  readonly cid: Cid;
  /** At most 1,048,576. */
  readonly bytes: Uint8Array;
  /** Until a port accepts (and, with `retry`, until a busy receiver has a place); then an Error with code ETIMEDOUT. */
  readonly timeoutMs: number;
  /** Only this form. Default: framed where 7778 accepts, else raw. */
  readonly form?: ConfigForm;
  readonly framedPort?: VsockPort;
  readonly rawPort?: VsockPort;
  /** From the accept to the reply, or to the receiver's close; default 10,000. */
  readonly transferTimeoutMs?: number;
  /** Wait for ports that still refuse: the enclave may be booting. Default false. */
  readonly retry?: boolean;
  /** Called once, when the first dial was refused and the wait begins. */
  onWaiting?(): void;
  readonly signal?: AbortSignal;
}

export type DeliveredConfig =
  /** The bytes left; that the enclave becomes ready is the proof. */
  | { readonly form: 'raw'; readonly port: VsockPort }
  | { readonly form: 'framed'; readonly port: VsockPort; readonly reply: ConfigReply };

/**
 * Resolves with the receiver's reply, a refusal too. Throws ECONNREFUSED (no port, without `retry`) or ETIMEDOUT, LimitError
 * DELIVERY_TOO_LARGE, DELIVERY_LATE, ParseError DELIVERY_REPLY, DELIVERY_ANSWERED, CaissonError DELIVERY_UNANSWERED, DELIVERY_CUT.
 */
export async function deliverConfig(options: DeliverConfigOptions): Promise<DeliveredConfig> {
  requireDeliverable(options.bytes);
  const delivery = new Delivery(options);
  if (options.retry !== true) return await delivery.attempt();
  let isWaiting = false;
  return await retryUntil(() => delivery.attempt(), {
    deadlineAtMs: delivery.deadlineAtMs,
    signal: options.signal,
    isTransient(error) {
      // A receiver that is full closes without a word; its places come free within its own deadline.
      const isRefused = codeOf(error) === 'ECONNREFUSED';
      if (isRefused && !isWaiting) options.onWaiting?.();
      isWaiting ||= isRefused;
      return isRefused || codeOf(error) === 'DELIVERY_UNANSWERED';
    },
    timedOut: (last) => delivery.timedOut(last),
  });
}

class Delivery {
  readonly #options: DeliverConfigOptions;
  readonly #framed: VsockPort;
  readonly #raw: VsockPort;
  readonly deadlineAtMs: number;

  constructor(options: DeliverConfigOptions) {
    this.#options = options;
    this.#framed = options.framedPort ?? FRAMED_CONFIG_PORT;
    this.#raw = options.rawPort ?? RAW_CONFIG_PORT;
    this.deadlineAtMs = performance.now() + options.timeoutMs;
  }

  async attempt(): Promise<DeliveredConfig> {
    const { form } = this.#options;
    if (form === 'framed') return await this.#exchange(await this.#dial(this.#framed));
    if (form === 'raw') return await this.#send(await this.#dial(this.#raw));
    const first = await this.#dialUnlessRefused(this.#framed);
    if (first !== undefined) return await this.#exchange(first);
    const raw = await this.#dial(this.#raw);
    // It may have opened both between the two dials above.
    let second: Socket | undefined;
    try {
      second = await this.#dialUnlessRefused(this.#framed);
    } catch (error) {
      raw.destroy();
      throw error;
    }
    if (second === undefined) return await this.#send(raw);
    raw.on('error', () => {}).destroy();
    return await this.#exchange(second);
  }

  timedOut(cause: unknown): Error {
    const { cid, form, timeoutMs } = this.#options;
    const port = form === 'framed' ? this.#framed : this.#raw;
    return createSocketError(
      'ETIMEDOUT',
      'connect',
      { cid, port },
      `no config was taken within ${timeoutMs} ms`,
      cause,
    );
  }

  async #exchange(socket: Socket): Promise<DeliveredConfig> {
    const port = this.#framed;
    return { form: 'framed', port, reply: await exchangeFramed(socket, { ...this.#options, port }) };
  }

  async #send(socket: Socket): Promise<DeliveredConfig> {
    const port = this.#raw;
    await transferRaw(socket, { ...this.#options, port });
    return { form: 'raw', port };
  }

  async #dialUnlessRefused(port: VsockPort): Promise<Socket | undefined> {
    try {
      return await this.#dial(port);
    } catch (error) {
      if (codeOf(error) === 'ECONNREFUSED') return undefined;
      throw error;
    }
  }

  async #dial(port: VsockPort): Promise<Socket> {
    const { transport, cid, signal } = this.#options;
    const leftMs = Math.max(Math.ceil(this.deadlineAtMs - performance.now()), 1);
    return await transport.connect({ cid, port }, { timeoutMs: leftMs, ...(signal === undefined ? {} : { signal }) });
  }
}
