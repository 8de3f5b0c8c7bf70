// Ready, not connected, over real AF_VSOCK: the line and the port of an enclave that becomes ready and then dies, and ports of it that
// accept and do not live.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toVsockPort } from '@caisson/core/address';
import { NotReadyError, type WaitOptions, waitUntilReady } from '@caisson/host/ready';
import { babblingPort, bootId, closingPort, deathPort, silentPort, wordCount } from './guest/ready-port.ts';
import { buildImage } from './image.ts';
import { bootEnclave, skip } from './rig.ts';

async function failureOf(options: WaitOptions): Promise<NotReadyError> {
  const error = await waitUntilReady(options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof NotReadyError, String(error));
  return error;
}

test('an enclave is waited for until it is ready, and its death is told with reason, last words and exit', {
  skip,
  timeout: 300_000,
}, async () => {
  const image = await buildImage({ guest: 'ready' });
  const enclave = await bootEnclave({ image: image.file, cid: 27 });
  const { cid, parent: transport } = enclave;
  try {
    const pushed = await waitUntilReady({ cid, transport, line: true, deadlineMs: 120_000, intervalMs: 100 });
    assert.equal(pushed.line?.state?.bootId, bootId);
    const asked = await waitUntilReady({ cid, transport, deadlineMs: 120_000 });
    assert.deepEqual(asked.health, { status: 'ok', phase: 'ready', reasons: [], bootId });

    const dead: [number, RegExp][] = [
      [toVsockPort(9399), /port 9399 refuses: nobody listens$/],
      [silentPort, /port 9301 accepts and never answers$/],
      [closingPort, /port 9302 accepts and closes without an answer$/],
      [babblingPort, /port 9303 answers something that is no answer/],
    ];
    // Each has time for an answer, however slowly the enclave is emulated, and all of them the same.
    const looks = dead.map(async ([port, message]) => {
      const error = await failureOf({ cid, transport, port, deadlineMs: 4_000, intervalMs: 500 });
      assert.equal(error.code, 'READY_LATE');
      assert.match(error.message, message);
    });
    await Promise.all(looks);

    // It dies when the host has heard its line again, as a host does that listens from the first moment.
    const heard = Promise.withResolvers<void>();
    const say: WaitOptions['say'] = ({ code }) => {
      if (code === 'READY_STATE') heard.resolve();
    };
    const port = silentPort;
    const waiting = failureOf({ cid, transport, port, line: true, deadlineMs: 120_000, intervalMs: 1_000, say });
    await heard.promise;
    (await transport.connect({ cid, port: deathPort })).on('error', () => {}).resume();
    const { code, report } = await waiting;
    assert.equal(code, 'READY_FAILED');
    assert.deepEqual(report.line?.final, { exit: 3, code: 'service-failed' });
    assert.deepEqual(report.line?.state?.reasons, [{ code: 'service-failed', service: 'app', exit: 3 }]);
    const [words] = report.line?.lastWords ?? [];
    assert.equal(words && 'lines' in words && words.lines.length, wordCount);
    assert.equal(await enclave.exit, 3);
  } finally {
    await enclave.close();
    image.remove();
  }
});
