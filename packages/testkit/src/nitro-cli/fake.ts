// A parent machine with a nitro-cli that does what it is told, and what it has left.
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isAlive } from '../backend/scene.ts';
import { compileCache } from '../program/index.ts';
import type { FakeScript } from './behaviour.ts';

export interface FakeNitro {
  /** For PATH. */
  readonly path: string;
  /** With /etc, /sys and /dev of a parent: 4 CPUs and 2 GiB of huge pages. */
  readonly root: string;
  /** From the next call on; measurements stay. */
  script(script: FakeScript): void;
  /** Processes of enclaves that are there now. */
  enclaves(): readonly { readonly EnclaveName: string; readonly ProcessID: number }[];
  /** Ends what is left. */
  close(): void;
}

const main = join(import.meta.dirname, 'main.ts');

export function createFakeNitro(
  folder: string,
  measurements: NonNullable<FakeScript['measurements']>,
  { isSimulated = false }: { readonly isSimulated?: boolean } = {},
): FakeNitro {
  const path = join(folder, 'bin');
  const root = join(folder, 'root');
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(name), { recursive: true });
    writeFileSync(name, text);
  };
  // Called some hundred times, from environments that are not ours.
  const exported = Object.entries(compileCache).map(([name, value]) => `export ${name}='${value}'\n`);
  write(
    join(path, 'nitro-cli'),
    `#!/bin/sh\n${exported.join('')}exec '${process.execPath}' '${main}' '${folder}' "$@"\n`,
  );
  chmodSync(join(path, 'nitro-cli'), 0o755);
  write(join(root, 'dev/nitro_enclaves'), '');
  write(join(root, 'etc/nitro_enclaves/allocator.yaml'), '---\nmemory_mib: 2048\ncpu_count: 4\n');
  write(join(root, 'sys/module/nitro_enclaves/parameters/ne_cpus'), '2-3,6-7\n');
  const pages = join(root, 'sys/kernel/mm/hugepages/hugepages-2048kB');
  write(join(pages, 'free_hugepages'), '1024\n');
  write(join(pages, 'nr_hugepages'), '1024\n');
  const script = (one: FakeScript): void => {
    for (const name of readdirSync(folder).filter((file) => file.endsWith('.count'))) rmSync(join(folder, name));
    write(join(folder, 'script.json'), JSON.stringify({ measurements, isSimulated, ...one }));
  };
  script({});
  const kept = join(folder, 'enclaves');
  mkdirSync(kept);
  const enclaves = (): { EnclaveName: string; ProcessID: number }[] =>
    readdirSync(kept)
      .map((name) => JSON.parse(readFileSync(join(kept, name), 'utf8')) as { EnclaveName: string; ProcessID: number })
      .filter(({ ProcessID }) => isAlive(ProcessID));
  const close = (): void => {
    for (const { ProcessID } of enclaves()) process.kill(ProcessID, 'SIGKILL');
  };
  return { path, root, script, enclaves, close };
}
