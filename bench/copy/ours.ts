// Ours: a session of an operator over the fabric, as `caisson cp` has one.
import { createPrivateKey } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { toCid, toVsockPort } from '@caisson/core/address';
import { connectControl, createControlIdentity } from '@caisson/link/control';
import { copyIn } from '@caisson/link/pipeline';
import { createFabricTransport } from '@caisson/link/transport';
import { checkPolicy } from '@caisson/verify/policy';

export interface OurTerms {
  readonly key: string;
  readonly pcr0: string;
  readonly root: string;
}

const plain = { recursive: true, resume: false, checksum: false, into: true };

export async function runOurs({ key, pcr0, root }: OurTerms, folder: string) {
  const parent = createFabricTransport({ directory: join(folder, 'fabric'), localCid: toCid(3) });
  const session = await connectControl({
    identity: await createControlIdentity(createPrivateKey(key)),
    policy: checkPolicy({ backend: 'sim', pcrs: { 0: pcr0 }, roots: [root], allowDevelopment: true }),
    dial: () => parent.connect({ cid: toCid(16), port: toVsockPort(53_000) }),
  });
  const there = join(folder, 'there');
  return {
    async big(file: string): Promise<void> {
      await copyIn(session.channel, { folder: dirname(file), name: basename(file) }, there, plain);
    },
    async tree(path: string): Promise<void> {
      await copyIn(session.channel, { folder: path, name: null }, there, plain);
    },
    close: () => session.close(),
  };
}
