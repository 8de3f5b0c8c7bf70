// An account at AWS that is a folder, for the scripts that run a job on an instance: fake `aws`, `ssh` and `scp` in PATH, which fail, lose answers and
// interrupt their caller when they are told to, and a ledger of what there is.
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

export interface CloudPlan {
  /** `fail` may name AWS's code. */
  readonly mode: 'fail' | 'lose' | 'before' | 'after';
  /** Which call, of all programs together, counted from 1. */
  readonly call: number;
  /** Of `before` and `after`: the caller's. Of `fail`: the code, or what ssh says. */
  readonly word?: string;
}

export interface FakeCloud {
  /** For the environment of what is tested. */
  readonly env: Readonly<Record<string, string>>;
  /** A packed folder with nothing in it that runs, but for what the command is. */
  readonly pack: string;
  /** Forgets everything that was, and plans for what comes. */
  begin(...plan: readonly CloudPlan[]): void;
  /** Each call as one line, the program first. */
  calls(): readonly string[];
  /** What exists in the account. */
  there(): readonly string[];
  /** What `file` of the folder holds, such as `user-data` and `cidr`. */
  read(file: string): string;
}

export function createFakeCloud(folder: string): FakeCloud {
  const bin = join(folder, 'bin');
  const instance = join(folder, 'instance');
  const pack = join(folder, 'pack');
  const at = (...names: readonly string[]): string => join(folder, ...names);
  for (const name of [bin, instance, join(pack, 'bin'), join(pack, 'lib/caisson'), join(pack, 'scripts')]) {
    mkdirSync(name, { recursive: true });
  }
  for (const name of ['aws', 'ssh', 'scp', 'step.sh']) {
    copyFileSync(join(import.meta.dirname, name.endsWith('.sh') ? name : `${name}.sh`), join(bin, name));
  }
  const program = (name: string, text: string): void => {
    writeFileSync(name, text);
    chmodSync(name, 0o755);
  };
  for (const name of ['sudo', 'cloud-init']) {
    program(
      join(instance, name),
      `#!/bin/sh\necho "${name} $*" >>"$CAISSON_FAKE_CLOUD/instance-calls"\n[ "$1" != tee ] || cat >>"$CAISSON_FAKE_CLOUD/tee"\n`,
    );
  }
  const elf = Buffer.alloc(20);
  elf.writeUInt16LE(0x3e, 18);
  writeFileSync(join(pack, 'lib/node'), elf);
  writeFileSync(join(pack, 'lib/caisson/caisson.mjs'), '');
  program(join(pack, 'bin/caisson'), '#!/bin/sh\n');
  program(join(pack, 'scripts/nitro-smoke.sh'), '#!/bin/sh\necho smoked\n');
  return {
    pack,
    env: { CAISSON_FAKE_CLOUD: folder, PATH: `${bin}:${process.env['PATH']}` },
    begin(...plan) {
      for (const name of readdirSync(folder).filter((one) => !['bin', 'instance', 'pack'].includes(one))) {
        rmSync(at(name), { recursive: true });
      }
      for (const name of ['there', 'gone', 'home']) mkdirSync(at(name));
      writeFileSync(at('plan'), plan.map(({ mode, call, word = '' }) => `${mode} ${call} ${word}\n`).join(''));
    },
    calls: () => (existsSync(at('calls')) ? readFileSync(at('calls'), 'utf8').trim().split('\n') : []),
    there: () => readdirSync(at('there')),
    read: (file) => readFileSync(at(file), 'utf8'),
  };
}
