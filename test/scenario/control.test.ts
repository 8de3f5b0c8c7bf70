// The control port of an enclave under the real PID 1, over the fabric: what the rooms' own tests cannot show of the whole.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { test } from 'node:test';
import { toCid, toVsockPort } from '@caisson/core/address';
import { connectControl, createControlIdentity, createControlInitClient } from '@caisson/link/control';
import { checkPolicy } from '@caisson/verify/policy';
import { openEnclave, service, supervisorSkip as skip } from './supervisor/scene.ts';

const timeout = 300_000;
const forever = 'exec sleep 1000000';

test('an operator of the image opens a proven session, controls services over it, and ends the enclave', {
  skip,
  timeout,
}, async (context) => {
  const [alice, stranger] = [await createControlIdentity(), await createControlIdentity()];
  const entry = { name: 'alice', spkiSha256: alice.spkiSha256, verbs: ['all'], execTemplates: [] };
  const enclave = await openEnclave(context, [service('web', `echo hello from web; ${forever}`)], {
    operators: { v: 1, rootKey: null, threshold: 1, operators: [entry] },
  });
  await enclave.ready();
  match(enclave.run.console(), /Pipeline listening on port 53000/);

  const dial = () => enclave.parent.connect({ cid: toCid(16), port: toVsockPort(53_000) });
  const policy = checkPolicy({
    backend: 'sim',
    pcrs: { 0: 'a5'.repeat(48) },
    roots: [enclave.rootPem],
    allowDevelopment: true,
    config: {},
  });
  await rejects(connectControl({ dial, identity: stranger, policy }), { code: 'CONTROL_REFUSED', message: /\(key\)/ });
  const other = checkPolicy({ ...policy, pcrs: { 0: 'b6'.repeat(48) } });
  await rejects(connectControl({ dial, identity: alice, policy: other }), { code: 'VERIFY_PCR' });

  const session = await connectControl({ dial, identity: alice, policy });
  const { facts, attestation } = session.enclave;
  deepEqual([facts.profile, facts.configVersion, facts.imageVersion], ['development', null, '1.0.0']);
  ok(attestation.pcrs[16] !== undefined, 'PCR16 is locked before anybody can ask');
  equal((await session.info()).phase, 'ready');
  const client = createControlInitClient(session);
  const { logs } = (await client.call('ServiceLogs', { name: 'web', lines: 10 })) as { logs: readonly string[] };
  match(logs.join('\n'), /hello from web/);
  await client.call('ServiceRestart', { name: 'web' });
  await session.prove();
  await client.call('SystemShutdown');
  match(await enclave.run.ended, /\ncaisson-init: exit 0\n$/);
  await session.closed;
});
