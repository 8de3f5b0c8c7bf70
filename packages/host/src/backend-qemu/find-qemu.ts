// A QEMU that has the machine `nitro-enclave`, and a vsock device for it. Few are built with it, and only one device carries what an enclave sends
// to its parent, so both are looked at and not only looked for.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { MissingPart } from '../backend/index.ts';

export interface FoundQemu {
  readonly program: string;
  /** `vsockd SOCKET CID BASE 3`: the vhost-user side of a guest's vsock. */
  readonly vsock: string;
  /** Folder for -L; undefined: QEMU's own. */
  readonly firmware: string | undefined;
  /** Folder for LD_LIBRARY_PATH; undefined: the machine's libraries. */
  readonly libraries: string | undefined;
  /** True if its NSM signs documents, with the key in QEMU_NSM_DIR. */
  readonly signs: boolean;
}

export interface FindQemuOptions {
  /** A folder with `qemu-system-x86_64`, `vsockd` and, if it brings its own, `fw` and `lib`. Default: PATH. */
  readonly folder?: string | undefined;
}

// Chosen: it only prints a list.
const askMs = 10_000;

export function findQemu({ folder }: FindQemuOptions): FoundQemu | readonly MissingPart[] {
  const folders = folder === undefined ? (process.env['PATH'] ?? '').split(delimiter) : [folder];
  const find = (name: string): string | undefined =>
    folders.map((one) => join(one, name)).find((path) => existsSync(path));
  const beside = (name: string): string | undefined =>
    folder !== undefined && existsSync(join(folder, name)) ? join(folder, name) : undefined;
  const [program, vsock] = [find('qemu-system-x86_64'), find('vsockd')];
  const missing: MissingPart[] = [];
  const [firmware, libraries] = [beside('fw'), beside('lib')];
  if (program === undefined) {
    missing.push({
      what: 'qemu-system-x86_64',
      get: 'QEMU 9.2 or newer built with libcbor, gnutls and vhost-user (docs/qemu.md has the recipe)',
    });
  } else if (!hasMachine(program, libraries)) {
    missing.push({
      what: `the machine nitro-enclave in ${program}`,
      get: 'QEMU 9.2 or newer built with libcbor, which the packages of distributions are not (docs/qemu.md has the recipe)',
    });
  }
  if (vsock === undefined) {
    missing.push({
      what: 'vsockd',
      get: 'the vsock device of docs/qemu.md; vhost-device-vsock will not do: it does not carry what a guest sends to CID 3',
    });
  }
  if (program === undefined || vsock === undefined || missing.length > 0) return missing;
  return { program, vsock, firmware, libraries, signs: readFileSync(program).includes('QEMU_NSM_DIR') };
}

function hasMachine(program: string, libraries: string | undefined): boolean {
  const env = { ...process.env, ...(libraries !== undefined && { LD_LIBRARY_PATH: libraries }) };
  const { stdout } = spawnSync(program, ['-M', 'help'], { env, timeout: askMs, encoding: 'utf8' });
  return stdout?.includes('nitro-enclave') ?? false;
}
