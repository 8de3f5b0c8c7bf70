// What a promise of a channel needs: two connected streams of the kind under test, with a channel on each end.
import type { Duplex } from 'node:stream';
import { type Channel, type ChannelOptions, createChannel, type Handlers } from '@caisson/link/channel';

/** Gives two new connected streams each time; each end sees what the other writes. */
export interface DuplexSource {
  connect(): Promise<{ readonly dialler: Duplex; readonly listener: Duplex }>;
  close(): Promise<void>;
}

export interface ChannelScene {
  readonly dialler: Channel;
  readonly listener: Channel;
  readonly streams: { readonly dialler: Duplex; readonly listener: Duplex };
}

type Settings = Omit<Partial<ChannelOptions>, 'role'>;

/** Both ends; destroyed after `run`, however it ends. */
export async function withChannels(
  source: DuplexSource,
  handlers: Handlers,
  run: (scene: ChannelScene) => Promise<void>,
  settings: { readonly dialler?: Settings; readonly listener?: Settings } = {},
): Promise<void> {
  const streams = await source.connect();
  const listener = createChannel(streams.listener, { role: 'listener', ...settings.listener });
  listener.serve(handlers);
  const dialler = createChannel(streams.dialler, { role: 'dialler', ...settings.dialler });
  try {
    await run({ dialler, listener, streams });
  } finally {
    dialler.destroy();
    listener.destroy();
  }
}

/** Bytes that differ from their neighbours and from run to run of another seed. */
export function bytesOf(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed * 2_654_435_761 + 1;
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[index] = state >>> 24;
  }
  return bytes;
}
