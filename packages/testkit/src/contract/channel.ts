// The contract of a message channel over every kind of stream, as a list of plain functions, so that it runs in a VM over real
// AF_VSOCK as well as here. `describeChannelContract` is the node:test wrapper.
import { after, before, describe, test } from 'node:test';
import { endPromises } from './channel/end.ts';
import { messagePromises } from './channel/message.ts';
import type { DuplexSource } from './channel/scene.ts';
import { streamPromises } from './channel/stream.ts';

export type { DuplexSource } from './channel/scene.ts';

/** One promise: `run` resolves when it holds and rejects with an AssertionError when not. */
export interface ChannelPromise {
  /** A sentence whose subject is the channel. */
  readonly title: string;
  run(source: DuplexSource): Promise<void>;
}

export const channelContract: readonly ChannelPromise[] = [...messagePromises, ...streamPromises, ...endPromises];

export function describeChannelContract(name: string, open: () => Promise<DuplexSource>): void {
  describe(`a channel over ${name}`, () => {
    let source: DuplexSource;
    before(async () => {
      source = await open();
    });
    for (const { title, run } of channelContract) test(title, { timeout: 300_000 }, () => run(source));
    after(() => source.close());
  });
}
