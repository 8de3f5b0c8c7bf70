// scp on loopback: a server of our own on a port of its own, keys made for the run, the cipher that TLS has too.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const sshd = '/usr/sbin/sshd';

export interface Scp {
  copy(path: string, recursive: boolean): Promise<void>;
  close(): void;
}

/** Text: why there is none. */
export async function startSshd(folder: string): Promise<Scp | string> {
  if (!existsSync(sshd)) return `${sshd} is not installed (bench/setup)`;
  if (process.getuid?.() !== 0) return 'sshd needs root here';
  const at = (name: string): string => join(folder, name);
  for (const name of ['host', 'user']) spawnSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  writeFileSync(at('authorized'), readFileSync(at('user.pub')), { mode: 0o600 });
  mkdirSync('/run/sshd', { recursive: true });
  chmodSync(folder, 0o700);
  const port = await freePort();
  const words = [
    'StrictModes=no',
    `AuthorizedKeysFile=${at('authorized')}`,
    'PidFile=none',
    'UsePAM=no',
    'Subsystem=sftp internal-sftp',
  ];
  const options = words.flatMap((word) => ['-o', word.replace('=', ' ')]);
  const server: ChildProcess = spawn(
    sshd,
    ['-D', '-e', '-f', '/dev/null', '-h', at('host'), '-p', String(port), '-o', 'ListenAddress 127.0.0.1', ...options],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let said = '';
  server.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  while (!said.includes('listening')) {
    if (server.exitCode !== null) return said.trim();
    await Promise.race([once(server.stderr!, 'data'), once(server, 'exit')]);
  }
  const flags = [
    '-q',
    '-c',
    'aes256-gcm@openssh.com',
    '-i',
    at('user'),
    '-P',
    String(port),
    '-o',
    'StrictHostKeyChecking=no',
  ];
  return {
    async copy(path, recursive) {
      const target = `root@127.0.0.1:${at('there')}/`;
      const known = ['-o', `UserKnownHostsFile=${at('known')}`];
      const child = spawn('scp', [...flags, ...known, ...(recursive ? ['-r'] : []), path, target], {
        stdio: 'inherit',
      });
      const [code] = await once(child, 'exit');
      if (code !== 0) throw new Error(`scp ended with ${code}`);
    },
    close: () => void server.kill(),
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  return port;
}
