// PID 1 with a supervisor that has no mind of its own: a probe carries fd 3 to a unix socket, and the test speaks there, as the
// client of @caisson/sys or byte by byte. A probe that is killed is started again, which is the next connection.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { OpenProcessHost, ProcessRequest } from '@caisson/sys';
import { openProcessHost } from '@caisson/sys';
import type { Pid1Layout, Pid1Run, Pid1Scene } from './scene.ts';
import { arrangePid1, childrenOf, simulatedWords } from './scene.ts';

export interface Supervised {
  readonly scene: Pid1Scene;
  readonly run: Pid1Run;
  /** The next supervisor's fd 3; the first is there already. */
  nextSocket(): Promise<Socket>;
  nextHost(): Promise<OpenProcessHost>;
  /** The probe that carries fd 3, as this namespace numbers it; undefined while there is none. */
  supervisorPid(): number | undefined;
  /** A path under the new root, as this namespace sees it. */
  inside(path: string): string;
}

export async function arrangeSupervised(
  context: TestContext,
  layout: Pid1Layout = {},
  words: readonly string[] = [],
): Promise<Supervised> {
  // Short, whatever the test's folder is called, and bound below the root that PID 1 will switch to.
  const folder = mkdtempSync(join(tmpdir(), 'caisson-door-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const scene = await arrangePid1(context, {
    supervisor: '/bin/probe\nrelay\n/door/socket\n',
    ...layout,
    binds: { ...layout.binds, '/door': folder },
  });
  mkdirSync(join(scene.folder, 'rootfs/door'), { recursive: true });
  const arrived: Socket[] = [];
  const server = createServer((socket) => {
    arrived.push(socket.on('error', () => {}));
    server.emit('arrived');
  }).listen(join(folder, 'socket'));
  await once(server, 'listening');
  const run = scene.start([...simulatedWords, ...words]);
  context.after(async () => {
    run.child.kill('SIGKILL');
    await run.ended;
    for (const socket of arrived) socket.destroy();
    server.close();
  });
  let taken = 0;
  const nextSocket = async (): Promise<Socket> => {
    while (arrived.length <= taken) {
      await Promise.race([
        once(server, 'arrived'),
        run.ended.then((text) => {
          throw new Error(`PID 1 has ended; its console:\n${text}`);
        }),
      ]);
    }
    return arrived[taken++]!;
  };
  return {
    scene,
    run,
    nextSocket,
    async nextHost() {
      const host = openProcessHost({ socket: await nextSocket() });
      context.after(() => host.close());
      return host;
    },
    supervisorPid: () => childrenOf(run.pid()).find((pid) => commandOf(pid).includes('\0relay\0')),
    inside: (path) => `/proc/${run.pid()}/root${path}`,
  };
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

/** A request for the probe with these words; what a test needs otherwise, it says. */
export function probeRequest(
  name: string,
  words: readonly string[],
  other: Partial<ProcessRequest> = {},
): ProcessRequest {
  return {
    name,
    argv: ['/bin/probe', ...words],
    env: {},
    cwd: '/',
    uid: 0,
    gid: 0,
    umask: 0o022,
    limitNofile: null,
    noNewPrivileges: true,
    oomScoreAdjust: null,
    cgroup: null,
    streams: { stdin: null, stdout: null, stderr: null },
    ...other,
  };
}

/** Streams as the log of the supervisor has them. */
export function heldStreams(name: string): ProcessRequest['streams'] {
  const log = `/run/caisson/log/${name}`;
  return { stdin: null, stdout: `${log}.out`, stderr: `${log}.err`, hold: true };
}
