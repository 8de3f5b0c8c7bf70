// What the promises of a Backend need: the backend, a state folder of its own, and images of four kinds.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import type { Backend, EnclaveSpec } from '@caisson/host/backend';

export interface BackendScene {
  readonly backend: Backend;
  /** Its state folder. */
  readonly state: string;
  readonly images: BackendImages;
  readonly memoryMiB: number;
  /** In which `hello` cannot run. */
  readonly tooSmallMiB: number;
  /** How long the slowest boot to ready may take. */
  readonly readyMs: number;
  /** Words of a program that starts `images.waits` with this backend as CID `cid`, writes its pids as a line of JSON, and waits. */
  hostProgram(cid: number): readonly string[];
  /** Up and down this often. */
  readonly cycles: number;
}

export interface BackendImages {
  /** Made by the builder: a supervisor, a health port, `GET /` on port 8080 and a document at `/document?NONCE`. */
  readonly hello: string;
  /** Ends with 7 as soon as it has booted, after it said `exit`. */
  readonly exits: string;
  /** Says `waiting`, and ends with 7 at SIGTERM. */
  readonly waits: string;
  /** Its first process finds no command and ends with 125 before the heartbeat. */
  readonly broken: string;
}

export interface BackendPromise {
  /** A sentence whose subject is the backend. */
  readonly title: string;
  run(scene: BackendScene): Promise<void>;
}

export function specOf(
  scene: BackendScene,
  kind: keyof BackendImages,
  changes: Partial<EnclaveSpec> = {},
): EnclaveSpec {
  const { images, memoryMiB } = scene;
  return { name: kind, image: images[kind], memoryMiB, cpus: { count: 1 }, bootMs: 60_000, ...changes };
}

/** Everything that an enclave could leave: files of the state, mounts, and children of this process. */
export function traces({ state }: BackendScene): string[] {
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const files = readdirSync(state, { recursive: true, encoding: 'utf8' })
    // What images measured, whoever ran them.
    .filter((name) => !name.startsWith('sim-measured'))
    .map((name) => `file ${name}`);
  const mounts = readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .filter((line) => line.includes(state));
  const children = readFileSync(`/proc/self/task/${process.pid}/children`, 'latin1').split(' ').filter(Boolean);
  const digest = createHash('sha256').update(realpathSync(state)).digest('hex').slice(0, 12);
  const groups = readdirSync('/sys/fs/cgroup', { encoding: 'utf8' }).flatMap((name) =>
    groupsIn(join('/sys/fs/cgroup', name), `caisson-sim-${digest}-`),
  );
  return [...files, ...mounts, ...children.map((pid) => `process ${pid}`), ...groups].sort();
}

function groupsIn(folder: string, beginning: string): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.startsWith(beginning))
      .map((name) => `group ${folder}/${name}`);
  } catch {
    return [];
  }
}

/** False once the kernel has nothing of it any more. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}
