// What the NSM says of the enclave it is in, and what this Linux gave it.
import { readFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { toHex } from '@caisson/core/bytes';
import { createNsmClient } from '@caisson/core/nitro';
import { report } from './report.ts';

await report(async (kernel) => {
  const device = await kernel.openNsm();
  const nsm = createNsmClient(device);
  const pcrs: string[] = [];
  for (const index of [0, 1, 2]) {
    const { lock, data } = await nsm.describePcr(index);
    if (!lock) throw new Error(`PCR${index} is not locked`);
    pcrs.push(toHex(data));
  }
  const extended = await nsm.extendPcr(16, Buffer.from('caisson'));
  const refused = await nsm.extendPcr(0, Buffer.from('x')).then(
    () => 'extended',
    (error: Error) => error.message,
  );
  await nsm.lockPcr(16);
  const draws = [await nsm.getRandom(), await nsm.getRandom()].map(toHex);
  const value = {
    pcrs,
    signer: toHex((await nsm.describePcr(8)).data),
    extended: toHex(extended),
    refused,
    locked: (await nsm.describePcr(16)).lock,
    description: await nsm.describeNsm(),
    draws,
    document: toHex(await nsm.attestation({ nonce: Buffer.from('nonce'), publicKey: Buffer.from('key') })),
    cid: kernel.localCid(),
    loopback: networkInterfaces()['lo']?.map(({ address }) => address),
    mounts: readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[1]),
    environment: process.env,
    parent: process.ppid,
  };
  await device.close();
  return value;
});
