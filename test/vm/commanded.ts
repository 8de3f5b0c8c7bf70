// An enclave that an operator commands, over real vsock: its image, its operator, what proves it, and the way to its control port.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { toVsockPort } from '@caisson/core/address';
import { toHex } from '@caisson/core/bytes';
import { readImageMeasurements } from '@caisson/host/image';
import { createOperator, readOperatorKey } from '@caisson/host/operator';
import { CONTROL_PORT } from '@caisson/link/control';
import { buildProduct, hearLine } from './product.ts';
import { bootEnclave, rigFile } from './rig.ts';

/** Version 4, a development image, with one service `web` of this command. It is not yet ready: who uses it closes it whatever comes. */
export async function bootCommanded(folder: string, cid: number, command: string) {
  const own = { XDG_CONFIG_HOME: join(folder, 'config') };
  const alice = await createOperator('alice', own);
  const image = await buildProduct(folder, {
    'caisson.yaml': [
      'name: commanded',
      'version: 4',
      'profile: development',
      'operators:',
      `  list: [{ name: alice, key: ${alice.spkiBase64}, verbs: [all] }]`,
      '',
    ].join('\n'),
    'service/web.service': `ExecStart = "${command}"\n`,
  });
  const pcr0 = toHex((await readImageMeasurements(image)).pcr0);
  const enclave = await bootEnclave({ image, cid });
  const line = await hearLine(enclave);
  return {
    own,
    enclave,
    line,
    /** Of a policy, which adds what it pins. */
    source: {
      backend: 'qemu',
      roots: [readFileSync(rigFile('pki/root.crt'), 'utf8')],
      allowDevelopment: true,
    } as const,
    pcr0,
    dial: () => enclave.parent.connect({ cid: enclave.cid, port: toVsockPort(CONTROL_PORT) }),
    async ready() {
      await line.heard('ready', (one) => one.kind === 'state' && one.phase === 'ready');
      return await readOperatorKey('alice', own);
    },
    async close() {
      await line.close();
      await enclave.close();
    },
  };
}
