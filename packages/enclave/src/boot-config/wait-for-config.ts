// Listening for the boot config: senders come and go, each judged in turn, until one is good. From the moment one is judged good nothing
// else can win, not another sender and not the clock; the winner hears of it only when PCR16 is locked.
import type { ConfigForm, ConfigReply } from '@caisson/link/config';
import { openConfigReceiver } from '@caisson/link/config';
import type { ReasonCode } from '@caisson/link/ready';
import type { AcceptedConfig } from './accepted-config.ts';
import { BootRefusal } from './error-code.ts';
import { type ConfigContent, judgeConfig } from './judge-config.ts';
import { askOwnDocument } from './own-document.ts';
import type { BootConfigOptions } from './take-boot-config.ts';

/** Fixes a config, or that there is none, for this boot. */
export type Fix = (received: Uint8Array | null, content: ConfigContent | null) => Promise<AcceptedConfig>;

export async function waitForConfig(options: BootConfigOptions, fix: Fix): Promise<AcceptedConfig> {
  const { image, transport, senderTimeoutMs, signal, onListening } = options;
  signal?.throwIfAborted();
  const wait = new Wait(options, fix);
  const mustBeSigned = image.config.requireSignature || image.config.unsigned === 'refuse';
  const receiver = await openConfigReceiver({
    transport,
    forms: mustBeSigned ? ['framed'] : ['framed', 'raw'],
    ...(senderTimeoutMs === undefined ? {} : { senderTimeoutMs }),
    judge: (bytes, form) => wait.judge(bytes, form),
    onSenderFault: (fault) => options.onRefused?.('config-refused', [{ path: '', message: fault.message }]),
  });
  const abort = (): void => wait.stop(signal?.reason);
  const timer = setTimeout(() => wait.timeUp(), image.config.timeoutMs);
  signal?.addEventListener('abort', abort, { once: true });
  if (signal?.aborted === true) abort();
  try {
    onListening?.();
    return await wait.outcome;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    await receiver.close(tooLate);
  }
}

const tooLate: ConfigReply = {
  ok: false,
  faults: [{ path: '', message: 'this boot takes no config any more: another was taken, or the time was up' }],
};

class Wait {
  readonly #options: BootConfigOptions;
  readonly #fix: Fix;
  readonly #outcome = Promise.withResolvers<AcceptedConfig>();
  /** Set in the same tick as the decision, so that of sender, clock and signal only one decides. */
  #isDecided = false;
  #lastReason: ReasonCode | undefined;

  constructor(options: BootConfigOptions, fix: Fix) {
    this.#options = options;
    this.#fix = fix;
    // Somebody waits for it only once the ports are open.
    this.#outcome.promise.catch(() => {});
  }

  get outcome(): Promise<AcceptedConfig> {
    return this.#outcome.promise;
  }

  async judge(bytes: Uint8Array, form: ConfigForm): Promise<ConfigReply> {
    if (this.#isDecided) return tooLate;
    const { image, nsm, findFaults, onRefused } = this.#options;
    try {
      const judged = await judgeConfig(bytes, form, { image, findFaults, askDocument: () => askOwnDocument(nsm) });
      if (!judged.ok) {
        this.#lastReason = judged.reason;
        onRefused?.(judged.reason, judged.faults);
        return { ok: false, faults: judged.faults };
      }
      if (this.#isDecided) return tooLate;
      this.#isDecided = true;
      const accepted = await this.#fix(bytes, judged.content);
      this.#outcome.resolve(accepted);
      return { ok: true, sha384: accepted.sha384 };
    } catch (error) {
      // The NSM or the disk failed, not the sender: the boot cannot go on, and nobody is told that his config holds.
      this.#isDecided = true;
      this.#outcome.reject(error);
      throw error;
    }
  }

  timeUp(): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    const { expect, timeoutMs } = this.#options.image.config;
    if (expect === 'optional') {
      this.#fix(null, null).then(this.#outcome.resolve, this.#outcome.reject);
      return;
    }
    const reason = this.#lastReason ?? 'config-timeout';
    const last = this.#lastReason === undefined ? 'nobody sent one' : `the last one was refused: ${this.#lastReason}`;
    const text = `boot config must come within ${timeoutMs} ms, ${last}`;
    this.#outcome.reject(new BootRefusal('BOOT_CONFIG_TIMEOUT', reason, text));
  }

  stop(reason: unknown): void {
    if (this.#isDecided) return;
    this.#isDecided = true;
    this.#outcome.reject(reason);
  }
}
