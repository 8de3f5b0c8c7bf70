// The parts of Caisson itself that go into an image: PID 1, the launcher, the addon, the enclave program. Each is a file, and says whether the
// ledger knows its bytes. A tree that compiled its own parts may build with them; the image is then `toolchain: local`.
import { existsSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { CaissonError, PolicyError } from '@caisson/core/errors';
import type { ImageProfile } from '@caisson/core/measured';
import { ARCHITECTURES, type Architecture, readArchitecture } from './architecture.ts';
import { digestFile } from './digest-file.ts';
import type { RuntimeErrorCode } from './error-code.ts';
import { readPartLedger } from './ledger.ts';
import type { PartLedger, PartName } from './parse-ledger.ts';

export interface ToolchainPart {
  readonly name: PartName;
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
  readonly sha384: string;
  readonly origin: 'ledger' | 'local';
}

export interface Toolchain {
  /** `ledger` when every part is. */
  readonly kind: 'ledger' | 'local';
  readonly architecture: Architecture;
  /** PID 1 of the image. */
  readonly init: ToolchainPart;
  /** What `initctl`, `argonaut` and `caisson-enclave` are inside. */
  readonly launcher: ToolchainPart;
  readonly addon: ToolchainPart;
  /** The enclave program of the profile. */
  readonly enclave: ToolchainPart;
}

export interface ToolchainOptions {
  readonly architecture: Architecture;
  readonly profile: ImageProfile;
  /** Takes the tree's own parts even where parts of the ledger are at hand. */
  readonly preferLocal?: boolean;
  /** Refuses parts that the ledger does not know. */
  readonly release?: boolean;
  /** For tests: folders in the order they are looked into, and the ledger. */
  readonly folders?: readonly string[];
  readonly ledger?: PartLedger;
}

/** What each part is called wherever it lies. */
export const PART_FILES: Readonly<Record<PartName, string>> = {
  init: 'caisson-init',
  launcher: 'caisson-launcher',
  addon: 'caisson.node',
  enclave: 'caisson-enclave.mjs',
  'enclave-development': 'caisson-enclave-development.mjs',
};

/** Throws CaissonError RUNTIME_PART for a part that is not there, PolicyError RUNTIME_LOCAL when `release` meets a local one. */
export async function openToolchain(options: ToolchainOptions): Promise<Toolchain> {
  const { architecture, profile, release = false } = options;
  const find = (name: PartName): Promise<ToolchainPart> => findPart(name, options);
  const parts = {
    init: await find('init'),
    launcher: await find('launcher'),
    addon: await find('addon'),
    enclave: await find(profile === 'development' ? 'enclave-development' : 'enclave'),
  };
  const local = Object.values(parts).filter(({ origin }) => origin === 'local');
  if (release && local.length > 0) {
    throw new PolicyError<RuntimeErrorCode>(
      'RUNTIME_LOCAL',
      `a release takes parts of the ledger only, got ${local.map(({ path }) => path).join(', ')}`,
      { hint: 'build with a packed program, whose parts the ledger knows' },
    );
  }
  return { kind: local.length === 0 ? 'ledger' : 'local', architecture, ...parts };
}

/** Folders that may hold parts: beside a packed program or bundle, then what the tree compiled. */
export function partFolders(architecture: Architecture, here = import.meta.dirname): string[] {
  const machine = `linux-${ARCHITECTURES[architecture].node}`;
  const trees = [join(here, '..'), join(here, '../../../..')].filter((root) => existsSync(join(root, 'packages/sys')));
  const beside = existsSync(join(here, 'caisson-enclave.mjs')) ? [join(here, machine), here] : [];
  return [...beside, ...trees.flatMap((root) => [join(root, 'packages/sys/build', machine), join(root, 'dist')])];
}

async function findPart(name: PartName, options: ToolchainOptions): Promise<ToolchainPart> {
  const { architecture, preferLocal = false, ledger = readPartLedger() } = options;
  const folders = options.folders ?? partFolders(architecture);
  const known = new Set(
    ledger.parts.filter((part) => part.name === name && fits(part, architecture)).map(({ sha384 }) => sha384),
  );
  let first: ToolchainPart | undefined;
  for (const path of folders.map((folder) => join(folder, PART_FILES[name])).filter((path) => existsSync(path))) {
    // `dist` has the parts of this machine under names that say nothing of it.
    if (isForAnother(architecture, await readMachine(path))) continue;
    const digest = await digestFile(path);
    const part: ToolchainPart = { name, path, ...digest, origin: known.has(digest.sha384) ? 'ledger' : 'local' };
    if (part.origin === 'ledger' && !preferLocal) return part;
    first ??= part;
  }
  if (first !== undefined) return first;
  throw new CaissonError<RuntimeErrorCode>(
    'RUNTIME_PART',
    `no ${PART_FILES[name]} for ${architecture} in ${folders.join(', ') || 'any folder'}`,
    { hint: architecture === readArchitecture() ? buildHint : crossHint(architecture) },
  );
}

// Given: e_machine of the ELF header, and who starts so.
const [elfMagic, machineAt] = [0x7f454c46, 18];

/** e_machine of an ELF file; null for every other file. */
async function readMachine(path: string): Promise<number | null> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(machineAt + 2);
    await file.read(head, 0, head.length, 0);
    return head.readUInt32BE(0) === elfMagic ? head.readUInt16LE(machineAt) : null;
  } finally {
    await file.close();
  }
}

function isForAnother(architecture: Architecture, machine: number | null): boolean {
  return machine !== null && machine !== ARCHITECTURES[architecture].elfMachine;
}

const buildHint = 'npm run build makes it (PID 1, the launcher and the addon need a C compiler)';

/** docs/build.md, "Another machine". */
function crossHint(architecture: Architecture): string {
  const { node } = ARCHITECTURES[architecture];
  const compiler = `CC=${architecture}-linux-gnu-gcc`;
  return `npm run build makes parts for this machine only; with a cross compiler: ${['pid1', 'addon'].map((part) => `${compiler} node scripts/${part}.ts --arch ${node}`).join(' && ')}`;
}

function fits(part: PartLedger['parts'][number], architecture: Architecture): boolean {
  return part.architecture === null || part.architecture === architecture;
}
