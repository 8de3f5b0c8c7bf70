// Images of a few hundred kilobytes that our PID 1 boots: its probe as the command, without Node and without a supervisor.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CpioEntry, createCpio } from '@caisson/core/cpio';
import { planEif } from '@caisson/core/eif';
import { pid1Built } from '../pid1/scene.ts';

export interface ProbeImage {
  readonly path: string;
  readonly kernel: string;
  /** Words of the probe; undefined: the image has no command. */
  readonly words: readonly string[] | undefined;
  /** Instead of PID 1: a program of packages/sys/build, or its bytes. */
  readonly init?: string | Uint8Array;
  /** Default development. */
  readonly profile?: 'development' | 'production';
}

// Given by QEMU: without ACPI only a triple fault leaves a guest; on a busy machine the kernel's look at its timer fails.
export const emulatedCmdline = 'console=ttyS0 reboot=t panic=-1 quiet no_timer_check';

export async function writeProbeImage({
  path,
  kernel,
  words,
  init = 'caisson-init',
  profile = 'development',
}: ProbeImage): Promise<void> {
  const file = (name: string, content: Uint8Array, mode = 0o644): CpioEntry => ({
    path: name,
    kind: 'file',
    mode,
    content,
  });
  const folder = (name: string): CpioEntry => ({ path: name, kind: 'directory', mode: 0o755 });
  const text = (lines: readonly string[]): Uint8Array => Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const built = (name: string): Uint8Array => readFileSync(join(pid1Built, name));
  const boot = createCpio([
    folder('dev'),
    file('init', typeof init === 'string' ? built(init) : init, 0o755),
    file('profile', text([profile])),
  ]);
  const points = ['dev', 'proc', 'run', 'sys', 'tmp'].map((name) => folder(`rootfs/${name}`));
  const command =
    words === undefined ? [] : [file('cmd', text(['/bin/probe', ...words])), file('env', text(['PATH=/bin']))];
  const application = createCpio([
    ...command,
    ...[
      folder('rootfs'),
      folder('rootfs/bin'),
      ...points,
      file('rootfs/bin/probe', built('caisson-init-probe'), 0o755),
    ],
  ]);
  const planned = await planEif(
    {
      architecture: 'x86_64',
      kernel: readFileSync(kernel),
      cmdline: emulatedCmdline,
      metadata: { ImageName: 'probe', ImageVersion: '0' },
      ramdisks: [boot, application],
    },
    () => createHash('sha384'),
  );
  const pieces: Uint8Array[] = [];
  for await (const piece of planned.open()) pieces.push(piece.slice());
  writeFileSync(path, Buffer.concat(pieces));
}
