// The control channel of a real enclave over real vsock: the document of its hypervisor's NSM, its root in the operator's policy, initctl from outside.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connectControl, createControlIdentity } from '@caisson/link/control';
import { hear } from '@caisson/testkit/program';
import { checkPolicy } from '@caisson/verify/policy';
import { run } from '../../packages/cli/src/run.ts';
import { bootCommanded } from './commanded.ts';
import { productSkip as skip } from './product.ts';
import { within } from './rig.ts';

const busybox = '/usr/lib/caisson/busybox';

test('an operator of the image opens a proven session over vsock, initctl commands it, and nobody else is let in', {
  skip,
  timeout: 300_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-vm-control-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const web = `${busybox} sh -c 'echo hello from web; exec ${busybox} sleep 1000000'`;
  const commanded = await bootCommanded(folder, 52, web);
  const { dial, pcr0, source, enclave, line, own } = commanded;
  try {
    const identity = await commanded.ready();
    const policy = checkPolicy({ ...source, pcrs: { 0: pcr0 }, config: {}, image: { minimumVersion: 4 } });
    const began = performance.now();
    const session = await connectControl({ dial, identity, policy });
    context.diagnostic(`a session over vsock in ${Math.round(performance.now() - began)} ms`);
    deepEqual([session.enclave.facts.imageVersion, session.enclave.facts.profile], [4, 'development']);
    ok(session.enclave.attestation.pcrs[16] !== undefined);
    await session.prove();
    equal((await session.info()).phase, 'ready');
    await session.close();
    await rejects(connectControl({ dial, policy, identity: await createControlIdentity() }), {
      code: 'CONTROL_REFUSED',
    });
    const other = checkPolicy({ ...source, pcrs: { 0: 'ab'.repeat(48) } });
    await rejects(connectControl({ dial, identity, policy: other }), { code: 'VERIFY_PCR' });

    const policies = join(own.XDG_CONFIG_HOME, 'caisson/policies');
    mkdirSync(policies, { recursive: true });
    writeFileSync(join(policies, '52.yaml'), JSON.stringify({ ...source, pcrs: { 0: pcr0 } }));
    const env = { ...process.env, ...own, CAISSON_VSOCK: `hybrid:${enclave.cid}=${enclave.path}` };
    const initctl = (...words: string[]) =>
      hear(run, ['-p', 'vsock', '--vsock-cid', '52', ...words], { env, name: 'initctl' });
    const logs = await initctl('logs', 'web');
    equal(logs.code, 0, logs.err);
    match(logs.err, /^SIMULATED: /);
    match(logs.out, /hello from web/);
    equal((await initctl('stop')).code, 0);
    equal(await within(120_000, 'the end', enclave.exit), 0, enclave.console());
    deepEqual(line.said.at(-1), { kind: 'final', exit: 0, code: 'stopped' });
  } finally {
    await commanded.close();
  }
});
