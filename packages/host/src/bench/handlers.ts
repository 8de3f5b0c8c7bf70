// What the bench server does with a request: as little as can be, so that the way to it is what is measured.
import { LimitError } from '@caisson/core/errors';
import { readUint32 } from '@caisson/core/frame';
import type { Handlers } from '@caisson/link/channel';
import type { BenchErrorCode } from './error-code.ts';
import { benchType, maxReplyBytes } from './messages.ts';
import { encodeProtobuf, parseProtobuf } from './protobuf.ts';

/** One set may serve any number of channels. */
export function createBenchHandlers(): Handlers {
  const zeros = new Uint8Array(maxReplyBytes);
  return {
    [benchType.echo]: (payload) => payload,
    [benchType.reply]: (payload) => {
      const bytes = payload.length >= 4 ? readUint32(payload, 0) : maxReplyBytes + 1;
      if (bytes <= maxReplyBytes) return zeros.subarray(0, bytes);
      const message = `a reply must be asked for with 0..${maxReplyBytes} bytes`;
      throw new LimitError<BenchErrorCode>('BENCH_REPLY_SIZE', message, { safe: message });
    },
    [benchType.protobuf]: (payload) => {
      const { id, name, body } = parseProtobuf(payload);
      return encodeProtobuf({ id: id + 1, name, body });
    },
  };
}
