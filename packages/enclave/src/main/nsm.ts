// The NSM line protocol for one caller: a device of its own, standard input and output, no word of its own between them.
import type { Readable, Writable } from 'node:stream';
import { createNsmClient } from '@caisson/core/nitro';
import type { Say } from '@caisson/link/argonaut';
import type { NsmDevice } from '@caisson/sys';
import { serveLines } from '../attest/index.ts';

export interface NsmWorld {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stop: AbortSignal;
  readonly say: Say;
  openNsm(): Promise<NsmDevice>;
}

// Given: argonaut's protocol allows more than the documents' specification; the device has the last word.
const fieldLimitBytes = 2048;

/** Resolves at the end of the input or when it was stopped. Throws what opening the NSM throws, and a broken pipe's error. */
export async function runNsm({ stdin, stdout, stop, say, openNsm }: NsmWorld): Promise<void> {
  const device = await openNsm();
  try {
    say({ level: 'info', code: 'NSM_READY', message: '[nsm] ready' });
    const client = createNsmClient(device, { fieldLimitBytes });
    await serveLines({
      input: stdin,
      output: stdout,
      backend: { attest: (request) => client.attestation(request), random: () => client.getRandom() },
      signal: stop,
    });
  } finally {
    await device.close();
  }
}
