// An image of three static services with requirements, built by `caisson build`, as a real enclave: our PID 1 is process 1, our supervisor
// brings them up in order, one crashes and comes back, and a word over the control socket ends it all.
import { deepEqual, equal, ok } from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { buildProduct, hearLine, productSkip as skip, startTimer } from './product.ts';
import { bootEnclave, within } from './rig.ts';

// The one static program that an image has.
const busybox = '/usr/lib/caisson/busybox';
const forever = `exec ${busybox} sleep 1000000`;
const files: Readonly<Record<string, string>> = {
  'caisson.yaml': 'name: trio\nprofile: development\n',
  'service/db.service': `ExecStart = "${busybox} sh -c '${busybox} sleep 0.1; ${busybox} touch /run/db; ${forever}'"
ReadyFile = "/run/db"\n`,
  'service/api.service': `ExecStart = "${busybox} sh -c 'test -e /run/db && exec ${busybox} httpd -f -p 127.0.0.1:8081'"
Requires = ["db"]\nReadyPort = 8081\n`,
  'service/page.service': `ExecStart = "${busybox} sh /app/page.sh"
Requires = ["api"]\nRestart = "on-failure"\nReadyFile = "/run/page"\n`,
  // It crashes once after it was ready; the second time it ends the enclave, a second after it came back.
  'page.sh': `b=${busybox}
$b touch /run/page
if test -e /run/crashed; then $b sleep 1; /usr/bin/initctl shutdown; ${forever}; fi
$b sleep 0.5; $b touch /run/crashed; $b rm /run/page
exit 3\n`,
};

test('three static services with requirements are ready within 3 s, one crashes and comes back, and control ends the enclave with 0', {
  skip,
  timeout: 300_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-vm-trio-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const image = await buildProduct(folder, files);
  const enclave = await bootEnclave({ image, cid: 41 });
  const passedMs = startTimer(enclave);
  const line = await hearLine(enclave);
  try {
    await line.heard('ready', (one) => one.kind === 'state' && one.phase === 'ready');
    const { ownMs, slowdown } = passedMs();
    const state = line.said.findLast((one) => one.kind === 'state');
    ok(state?.kind === 'state');
    const uptimeMs = Math.round(state.uptimeMs / slowdown);
    context.diagnostic(
      `ready ${uptimeMs} ms after the supervisor began, ${ownMs} ms after the heartbeat (slowdown ${slowdown.toFixed(1)})`,
    );
    // The rest is node's own start, which an emulated processor makes ten times as long: printed, and held to no more than this.
    ok(uptimeMs <= 3_000 && ownMs <= 10_000, `${uptimeMs} ms, ${ownMs} ms`);
    equal(await within(120_000, 'the end', enclave.exit), 0, enclave.console());
    const phases = line.phases();
    deepEqual(
      phases.slice(phases.indexOf('ready')),
      ['ready', 'degraded', 'ready', 'stopping'],
      JSON.stringify(line.said),
    );
    const fallen = line.said.find((one) => one.kind === 'state' && one.phase === 'degraded');
    deepEqual(fallen?.kind === 'state' && fallen.reasons, [{ code: 'service-exited', service: 'page', exit: 3 }]);
    deepEqual(line.said.at(-1), { kind: 'final', exit: 0, code: 'stopped' });
  } finally {
    await line.close();
    await enclave.close();
  }
});
