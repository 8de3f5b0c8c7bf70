// An operator's session through another machine: the workstation's program, a real ssh and a real sshd, and on their far end the parent's
// `caisson proxy --stdio`. sshd runs on a pipe (`sshd -i`), so there is no port; its keys and files are made for the test.
import { equal, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { test } from 'node:test';
import { toCid } from '@caisson/core/address';
import { createOperator } from '@caisson/host/operator';
import { createInitHandlers } from '@caisson/link/control';
import { createFabricTransport } from '@caisson/link/transport';
import { createControlScene } from '@caisson/testkit/control';
import { createFakeControl } from '@caisson/testkit/fake';
import { programWords } from '@caisson/testkit/program';
import { run } from '../../packages/cli/src/run.ts';

const [sshd, ssh] = ['/usr/sbin/sshd', '/usr/bin/ssh'];

function whyNot(): string | false {
  const missing = [sshd, ssh, '/usr/bin/ssh-keygen'].find((path) => !existsSync(path));
  if (missing !== undefined) return `${missing} is not installed (Debian: openssh-server, openssh-client)`;
  return process.getuid?.() === 0 ? false : 'sshd asks for root to begin a session';
}

test('initctl --via ssh:parent ends its session here, through a real sshd and caisson proxy --stdio', {
  skip: whyNot(),
  timeout: 300_000,
}, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-via-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const at = (name: string): string => join(folder, name);

  // The parent: a fabric with an enclave's control port, and a `caisson` on the PATH of those who come by ssh.
  for (const name of ['fabric/16', 'fabric/3', 'bin', 'local']) mkdirSync(at(name), { recursive: true, mode: 0o700 });
  chmodSync(at('fabric'), 0o700);
  const own = { XDG_CONFIG_HOME: at('config') };
  const { spkiSha256 } = await createOperator('alice', own);
  const control = createFakeControl();
  const scene = await createControlScene({
    transport: createFabricTransport({ directory: at('fabric'), localCid: toCid(16) }),
    handlers: createInitHandlers(control),
    operators: [{ name: 'carol', spkiSha256, verbs: ['all'], execTemplates: [] }],
  });
  context.after(() => scene.close());
  const program = `#!/bin/sh\nexec ${programWords().join(' ')} "$@"\n`;
  writeFileSync(at('bin/caisson'), program, { mode: 0o755 });

  for (const name of ['host', 'user']) {
    equal(spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]).status, 0);
  }
  writeFileSync(at('authorized'), readFileSync(at('user.pub')), { mode: 0o600 });
  mkdirSync('/run/sshd', { recursive: true });
  writeFileSync(
    at('sshd_config'),
    [
      `HostKey ${at('host')}`,
      `AuthorizedKeysFile ${at('authorized')}`,
      'StrictModes no',
      'UsePAM no',
      'PidFile none',
      'PermitRootLogin prohibit-password',
      `SetEnv PATH=${at('bin')}:/usr/bin:/bin CAISSON_VSOCK=fabric:${at('fabric')} CAISSON_STATE=${at('state')}`,
      '',
    ].join('\n'),
  );

  // The workstation: its ssh knows the way to `parent`.
  writeFileSync(at('known'), `parent ${readFileSync(at('host.pub'), 'utf8')}`);
  const way = [
    'Host parent',
    `  ProxyCommand ${sshd} -i -e -f ${at('sshd_config')} 2>${at('sshd.log')}`,
    `  User ${userInfo().username}`,
    `  IdentityFile ${at('user')}`,
    '  IdentitiesOnly yes',
    `  UserKnownHostsFile ${at('known')}`,
    '  StrictHostKeyChecking yes',
    '',
  ];
  writeFileSync(at('ssh_config'), way.join('\n'));
  writeFileSync(at('local/ssh'), `#!/bin/sh\nexec ${ssh} -F ${at('ssh_config')} "$@"\n`, { mode: 0o755 });
  const { policy } = scene;
  const pcr0 = policy.pcrs[0]![0]!;
  writeFileSync(
    at('policy.yaml'),
    JSON.stringify({ v: 1, backend: 'sim', pcrs: { 0: pcr0 }, roots: policy.roots, allowDevelopment: true }),
  );
  const initctl = async (...words: readonly string[]) => {
    const [stdin, stdout, stderr] = [Readable.from([]), new PassThrough(), new PassThrough()];
    const env = { ...own, PATH: `${at('local')}:${process.env['PATH']}`, CAISSON_STATE: at('nothing') };
    const stop = new AbortController().signal;
    const flags = ['--enclave', '16', '--via', 'ssh:parent', '--policy', at('policy.yaml')];
    const code = await run([...flags, ...words], {
      stdin,
      stdout,
      stderr,
      env,
      stop,
      name: 'initctl',
      onReload: () => {},
    });
    return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
  };

  // A root of its own proves nothing about somebody else's machine, and nobody is dialled for it.
  const refused = await initctl('restart', 'web');
  equal(refused.code, 1, refused.err);
  match(refused.err, /must have the root of AWS/);
  ok(!existsSync(at('sshd.log')));

  const restarted = await initctl('--allow-simulated', 'restart', 'web');
  equal(
    restarted.code,
    0,
    `${restarted.err}\n${existsSync(at('sshd.log')) ? readFileSync(at('sshd.log'), 'utf8') : ''}`,
  );
  match(restarted.err, /^SIMULATED/);
  ok(control.asked.includes('restartService web'));
  match(readFileSync(at('sshd.log'), 'utf8'), /Accepted publickey/);
});
