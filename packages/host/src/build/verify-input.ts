// An input has a digest from when it was opened, and its bytes another from when they were written. If they differ the manifest would name
// something that is not in the image, and whoever builds again from it would be told of a difference that nobody can find.
import { CaissonError } from '@caisson/core/errors';
import type { BuildErrorCode } from './error-code.ts';
import type { Manifest } from './manifest.ts';
import type { BuildPlan } from './plan.ts';
import { CAISSON_FOLDER, ENCLAVE_PROGRAM, LAUNCHER } from './root-tree.ts';

/** Throws CaissonError BUILD_INPUT. */
export function verifyInputs({ kernel, toolchain }: BuildPlan, { sections, files }: Manifest): void {
  const written = new Map(files.map(({ ramdisk, path, sha384 }) => [`${ramdisk} ${path}`, sha384]));
  const parts: [name: string, opened: string, written: string | undefined][] = [
    ['kernel', kernel.sha384, sections.find(({ kind }) => kind === 'kernel')?.sha384],
    ['nsm.ko', kernel.nsmModule?.sha384 ?? '', written.get('0 nsm.ko')],
    ['init', toolchain.init.sha384, written.get('0 init')],
    ['enclave', toolchain.enclave.sha384, written.get(`1 rootfs/${ENCLAVE_PROGRAM}`)],
    ['launcher', toolchain.launcher.sha384, written.get(`1 rootfs/${LAUNCHER}`)],
    ['addon', toolchain.addon.sha384, written.get(`1 rootfs/${CAISSON_FOLDER}/caisson.node`)],
  ];
  for (const [name, opened, found] of parts) {
    // A plain image has no supervisor.
    if (found === undefined || found === opened) continue;
    throw new CaissonError<BuildErrorCode>(
      'BUILD_INPUT',
      `input ${name} must not change while an image is built: opened as sha384 ${opened}, written as ${found}`,
      { hint: 'build again when nothing compiles any more' },
    );
  }
}
