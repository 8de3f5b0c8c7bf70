// The receiving end while an enclave waits for its boot config: both ports, several senders at a time, and one judge who is asked for one
// config after the other. Who is judged good, and what that fixes, is the judge's to say; here is only who may speak, how much and how long.
import type { Socket } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import { CID_ANY, CID_PARENT } from '@caisson/core/address';
import { MAX_CONFIG_BYTES } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import { encodeFrame } from '@caisson/core/frame';
import type { Transport, TransportListener, TransportPeer } from '../transport/transport.ts';
import type { ConfigForm } from './deliver.ts';
import { defaultTransferTimeoutMs } from './error-code.ts';
import { type ConfigReply, encodeConfigReply, FRAMED_CONFIG_PORT, RAW_CONFIG_PORT } from './messages.ts';
import { receiveOne } from './receive-one.ts';

export interface ConfigReceiverOptions {
  readonly transport: Transport;
  /** Opened in this order, so framed first: a sender that finds 7777 alone takes its receiver for an old one. */
  readonly forms: readonly ConfigForm[];
  readonly framedPort?: VsockPort;
  readonly rawPort?: VsockPort;
  /** Only it is heard; default 3, the parent. */
  readonly peerCid?: Cid;
  /** Default 1,048,576. */
  readonly maxBytes?: number;
  /** From a sender's accept to its last byte; default 10,000. */
  readonly senderTimeoutMs?: number;
  /** Asked for one config at a time, in the order in which they were complete. A rejection closes the sender without a reply. */
  judge(bytes: Uint8Array, form: ConfigForm): Promise<ConfigReply>;
  /** A sender was too large, late, cut off or no sender at all. */
  onSenderFault?(fault: CaissonError): void;
}

export interface ConfigReceiver {
  /** Frees the ports; who still sends is told `last`. Resolves when every sender has its reply or is gone. Idempotent. */
  close(last: ConfigReply): Promise<void>;
}

// Given: P-C3. Over both ports; one sender more is reset unheard.
const maxSenders = 8;
// Chosen: a sender that reads takes its reply within a round trip.
const replyTimeoutMs = 1_000;

/** Rejects what listening rejects; then no port is left open. */
export async function openConfigReceiver(options: ConfigReceiverOptions): Promise<ConfigReceiver> {
  const receiver = new Receiver(options);
  try {
    for (const form of options.forms) await receiver.open(form);
  } catch (error) {
    await receiver.close({ ok: false, faults: [] });
    throw error;
  }
  return receiver;
}

class Receiver implements ConfigReceiver {
  readonly #options: ConfigReceiverOptions;
  readonly #listeners: TransportListener[] = [];
  readonly #reading = new Map<Socket, ConfigForm>();
  readonly #serving = new Set<Promise<void>>();
  #turn: Promise<unknown> = Promise.resolve();
  #last: ConfigReply | undefined;
  #closed: Promise<void> | undefined;

  constructor(options: ConfigReceiverOptions) {
    this.#options = options;
  }

  async open(form: ConfigForm): Promise<void> {
    const {
      transport,
      framedPort = FRAMED_CONFIG_PORT,
      rawPort = RAW_CONFIG_PORT,
      peerCid = CID_PARENT,
    } = this.#options;
    const port = form === 'framed' ? framedPort : rawPort;
    const listener = await transport.listen({ cid: CID_ANY, port }, { peerCid }, (socket, peer) => {
      this.#accept(socket, form, `config from cid ${peer.cid} on port ${port}`, peer);
    });
    this.#listeners.push(listener);
  }

  close(last: ConfigReply): Promise<void> {
    this.#closed ??= this.#close(last);
    return this.#closed;
  }

  async #close(last: ConfigReply): Promise<void> {
    this.#last = last;
    await Promise.all(this.#listeners.map((listener) => listener.close()));
    for (const [socket, form] of this.#reading) {
      // Too late for this sender. A framed one gets an answer; a raw one can only be cut off, or it would believe that it was heard.
      if (form === 'framed') this.#serving.add(answer(socket, last));
      else socket.destroy();
    }
    this.#reading.clear();
    await Promise.all(this.#serving);
  }

  #accept(socket: Socket, form: ConfigForm, what: string, _peer: TransportPeer): void {
    socket.on('error', () => {});
    if (this.#last !== undefined || this.#serving.size >= maxSenders) {
      socket.destroy();
      return;
    }
    const served: Promise<void> = this.#serve(socket, form, what).finally(() => {
      this.#serving.delete(served);
      socket.destroy();
    });
    this.#serving.add(served);
  }

  async #serve(socket: Socket, form: ConfigForm, what: string): Promise<void> {
    const { maxBytes = MAX_CONFIG_BYTES, senderTimeoutMs: timeoutMs = defaultTransferTimeoutMs } = this.#options;
    this.#reading.set(socket, form);
    let bytes: Uint8Array;
    try {
      bytes = await receiveOne(socket, form, what, { maxBytes, timeoutMs });
    } catch (error) {
      if (this.#last !== undefined || !(error instanceof CaissonError)) return;
      this.#options.onSenderFault?.(error);
      if (form === 'framed') await answer(socket, { ok: false, faults: [{ path: '', message: error.message }] });
      return;
    } finally {
      this.#reading.delete(socket);
    }
    // A dial that looks whether the port is open brings nothing, and is nobody's config.
    if (form === 'raw' && bytes.length === 0) return;
    const reply = await this.#judgeInTurn(bytes, form);
    if (reply === undefined) return;
    if (form === 'framed') await answer(socket, reply);
    else await finish(socket, () => socket.end());
  }

  async #judgeInTurn(bytes: Uint8Array, form: ConfigForm): Promise<ConfigReply | undefined> {
    const verdict = this.#turn.then(() => this.#last ?? this.#options.judge(bytes, form));
    this.#turn = verdict.catch(() => undefined);
    return await verdict.catch(() => undefined);
  }
}

function answer(socket: Socket, reply: ConfigReply): Promise<void> {
  return finish(socket, () => socket.end(encodeFrame(encodeConfigReply(reply))));
}

/** Resolves when the peer has closed too, at most a second later, and the socket is gone. */
function finish(socket: Socket, end: () => void): Promise<void> {
  return new Promise((resolve) => {
    if (socket.destroyed) return resolve();
    const timer = setTimeout(() => socket.destroy(), replyTimeoutMs);
    socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    socket.resume();
    end();
  });
}
