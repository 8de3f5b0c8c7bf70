// Takes the boot config from whoever connects first and writes the bytes, and nothing else, to standard output.
import type { Writable } from 'node:stream';
import type { VsockPort } from '@caisson/core/address';
import { receiveConfig } from '@caisson/link/config';
import type { Transport } from '@caisson/link/transport';

export interface ConfigRecvOptions {
  readonly port: VsockPort;
}

export interface ConfigRecvWorld {
  readonly stdout: Writable;
  readonly transport: Transport;
  readonly stop: AbortSignal;
  /** The port accepts. */
  readonly onListening?: () => void;
}

/** Throws what receiveConfig throws, or the reason of `stop`. Waits for a sender without a deadline: the parent boots too. */
export async function runConfigRecv({ port }: ConfigRecvOptions, world: ConfigRecvWorld): Promise<void> {
  const { stdout, transport, stop, onListening = () => {} } = world;
  const bytes = await receiveConfig({ transport, port, signal: stop, onListening });
  // The caller exits after this: it must be out of our hands, and a reader that has gone away is a failure with a name.
  await new Promise<void>((resolve, reject) => {
    stdout.once('error', reject);
    stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
