// A channel on which every request is approved first: for acts that an image lets nobody do alone. What is asked of it is what is asked of a channel, so
// whoever runs commands or copies files need not know.
import type { Channel, OutgoingStream } from '../channel/index.ts';

/** Brings the approvals of one request to the enclave. What it rejects with, the request rejects with, unsent. */
export type ApproveRequest = (type: number, payload: Uint8Array) => Promise<void>;

const noBytes = new Uint8Array();

export function createApprovingChannel(channel: Channel, approve: ApproveRequest): Channel {
  return {
    opened: channel.opened,
    closed: channel.closed,
    async request(type, payload, options) {
      await approve(type, payload);
      return await channel.request(type, payload, options);
    },
    call(type, payload, done, options) {
      approve(type, payload).then(
        () => channel.call(type, payload, done, options),
        (error: unknown) => done(error, noBytes),
      );
    },
    open(type, payload = noBytes, options = {}) {
      return laterStream(approve(type, payload).then(() => channel.open(type, payload, options)));
    },
    serve: (handlers) => channel.serve(handlers),
    ping: (options) => channel.ping(options),
    close: (options) => channel.close(options),
    destroy: (error) => channel.destroy(error),
    stats: () => channel.stats(),
  };
}

function laterStream(opened: Promise<OutgoingStream>): OutgoingStream {
  const reply = opened.then((stream) => stream.reply);
  // Whoever only writes or iterates learns it there.
  reply.catch(() => {});
  return {
    reply,
    write: async (bytes) => (await opened).write(bytes),
    end: async (bytes) => (await opened).end(bytes),
    cancel: () =>
      void opened.then(
        (stream) => stream.cancel(),
        () => {},
      ),
    async *[Symbol.asyncIterator]() {
      yield* await opened;
    },
  };
}
