// The JSON form on the port of a channel, for programs in any language: u32 big endian length and a UTF-8 object, one answer to each
// request, in order. A listener knows it by the fifth byte of the connection, `{`, which is no frame type.
import type { Duplex } from 'node:stream';
import { describeJson, isJsonObject, type JsonObject, parseStrictJson } from '@caisson/core/config';
import { CaissonError, ParseError } from '@caisson/core/errors';
import { encodeFrame, FRAME_HEADER_BYTES, FrameReader } from '@caisson/core/frame';
import type { ChannelErrorCode } from './error-code.ts';

/** Gives the answer. What it throws is answered `{"error":"failed"}`, and the connection goes on. */
export type AnswerJson = (request: JsonObject) => object | Promise<object>;

// Given: docs/wire/channel.md.
export const MAX_JSON_BYTES = 65_536;

// Chosen.
export const maxJsonDepth = 32;

/** Serves until the other end ends; bytes that were read already are to be put back (unshift). Never rejects. */
export async function serveJson(
  duplex: Duplex,
  answer: AnswerJson,
  options: { readonly frameTimeoutMs: number; readonly idleTimeoutMs: number },
): Promise<void> {
  const { frameTimeoutMs, idleTimeoutMs } = options;
  const reader = new FrameReader({ maxBytes: MAX_JSON_BYTES, name: 'JSON request' });
  let timer: NodeJS.Timeout | undefined;
  const expect = (withinMs: number): void => {
    clearTimeout(timer);
    timer = withinMs > 0 ? setTimeout(() => duplex.destroy(), withinMs).unref() : undefined;
  };
  duplex.on('error', () => {});
  const closed = new Promise<void>((resolve) => duplex.once('close', () => resolve()));
  const finish = async (last?: Uint8Array): Promise<void> => {
    if (last === undefined) duplex.end();
    else duplex.end(last);
    expect(frameTimeoutMs);
    await closed;
  };
  try {
    for await (const chunk of duplex.iterator({ destroyOnReturn: false })) {
      const before = reader.pendingBytes;
      reader.push(chunk as Uint8Array);
      let complete = false;
      for (let request = reader.next(); request !== undefined; request = reader.next()) {
        complete = true;
        // While it is answered nothing is read: who asks on waits in the kernel's buffer.
        clearTimeout(timer);
        const reply = await answerOne(request, answer);
        expect(frameTimeoutMs);
        await write(duplex, reply, closed);
        if (duplex.destroyed) return;
      }
      if (reader.pendingBytes === 0) expect(idleTimeoutMs);
      // Only the first bytes of a request start its time: one byte a second must not keep it going.
      else if (complete || before === 0) expect(frameTimeoutMs);
    }
    reader.end();
    await finish();
  } catch (error) {
    if (error instanceof CaissonError && !duplex.destroyed) await finish(encode({ error: 'bad-request' }));
  } finally {
    clearTimeout(timer);
    duplex.destroy();
  }
}

/** Throws CaissonError for what is no JSON object: the connection ends with `{"error":"bad-request"}`. */
async function answerOne(request: Uint8Array, answer: AnswerJson): Promise<Uint8Array> {
  const root = parseStrictJson(request, { maxBytes: MAX_JSON_BYTES, maxDepth: maxJsonDepth });
  if (!isJsonObject(root)) {
    throw new ParseError<ChannelErrorCode>('CHANNEL_JSON', `JSON request must be an object, got ${describeJson(root)}`);
  }
  try {
    const reply = encode(await answer(root));
    return reply.length <= MAX_JSON_BYTES + FRAME_HEADER_BYTES ? reply : encode({ error: 'too-large' });
  } catch {
    return encode({ error: 'failed' });
  }
}

function encode(value: object): Uint8Array {
  return encodeFrame(Buffer.from(JSON.stringify(value)));
}

async function write(duplex: Duplex, bytes: Uint8Array, closed: Promise<void>): Promise<void> {
  if (duplex.destroyed || duplex.write(bytes)) return;
  await Promise.race([closed, new Promise((resolve) => duplex.once('drain', resolve))]);
}
