// Commands, jobs and files of an operator in a real enclave over real vsock, proven by the document of its hypervisor's NSM.
import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import { connectControl } from '@caisson/link/control';
import {
  type CommandRequest,
  copyIn,
  copyOut,
  readJobLogs,
  runCommand,
  startJob,
  waitForJob,
} from '@caisson/link/pipeline';
import { checkPolicy } from '@caisson/verify/policy';
import { bootCommanded } from './commanded.ts';
import { productSkip as skip } from './product.ts';

const busybox = '/usr/lib/caisson/busybox';
const plain = { recursive: false, resume: false, checksum: false, into: true };

function request(argv: readonly string[], more: Partial<CommandRequest> = {}): CommandRequest {
  const none = { env: [], cwd: null, user: null, timeoutMs: null, terminal: null, hasInput: false };
  return { argv, ...none, ...more };
}

function sink(): Writable & { text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      chunks.push(chunk);
      done();
    },
  });
  return Object.assign(stream, { text: () => Buffer.concat(chunks).toString() });
}

test('commands run, 64 MiB go each way and jobs are kept over vsock; another PCR0 hears no word of a command', {
  skip,
  timeout: 300_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-vm-pipeline-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const commanded = await bootCommanded(folder, 53, `${busybox} sleep 1000000`);
  try {
    const identity = await commanded.ready();
    const { dial, pcr0, source } = commanded;
    const other = checkPolicy({ ...source, pcrs: { 0: 'b6'.repeat(48) }, config: {} });
    await rejects(connectControl({ dial, identity, policy: other }), { code: 'VERIFY_PCR' });
    const session = await connectControl({
      dial,
      identity,
      policy: checkPolicy({ ...source, pcrs: { 0: pcr0 }, config: {} }),
    });

    const { channel } = session;
    const [stdout, stderr] = [sink(), sink()];
    const words = [busybox, 'sh', '-c', `${busybox} cat; ${busybox} uname -s; echo no >&2; exit 7`];
    const command = await runCommand(channel, request(words, { hasInput: true }), {
      stdin: Readable.from([Buffer.from('typed\n')]),
      stdout,
      stderr,
    });
    deepEqual(
      [await command.ended, stdout.text(), stderr.text()],
      [{ kind: 'exit', code: 7 }, 'typed\nLinux\n', 'no\n'],
    );
    const shown = sink();
    const terminal = { columns: 91, rows: 17 };
    const tty = await runCommand(channel, request([busybox, 'stty', 'size'], { terminal }), {
      stdin: null,
      stdout: shown,
      stderr,
    });
    deepEqual([await tty.ended, shown.text()], [{ kind: 'exit', code: 0 }, '17 91\r\n']);

    const bytes = randomBytes(64 << 20);
    writeFileSync(join(folder, 'big'), bytes);
    let began = performance.now();
    await copyIn(channel, { folder, name: 'big' }, '/run/big', plain);
    context.diagnostic(`64 MiB in: ${((performance.now() - began) / 1_000).toFixed(1)} s`);
    began = performance.now();
    await copyOut(channel, '/run/big', { folder, name: 'back' }, plain);
    context.diagnostic(`64 MiB out: ${((performance.now() - began) / 1_000).toFixed(1)} s`);
    ok(readFileSync(join(folder, 'back')).equals(bytes));

    const name = await startJob(channel, request([busybox, 'sh', '-c', 'echo working; exit 3']));
    match(name, /^job-/);
    deepEqual(await waitForJob(channel, name), { kind: 'exit', code: 3 });
    let text = '';
    for await (const chunk of readJobLogs(channel, { name, stream: 'stdout', follow: false }))
      text += Buffer.from(chunk).toString();
    equal(text, 'working\n');
    await session.close();
  } finally {
    await commanded.close();
  }
});
