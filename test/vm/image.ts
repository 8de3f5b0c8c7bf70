// Makes an image that boots one of guest/*.ts: our PID 1 in the boot ramdisk, the pinned Node with the libraries it is linked
// to in the second, the program with the addon and the enclave bundle in the third. The libraries are those of the machine,
// which is good enough for a test and never for an image that somebody should be able to make again.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type CpioEntry, type CpioSource, createCpio } from '@caisson/core/cpio';
import { type EifMeasurements, planEif } from '@caisson/core/eif';
import { build } from 'esbuild';
import { programPath, readProgramBuild } from '../../scripts/program.ts';
import { rigFile } from './rig.ts';

const root = join(import.meta.dirname, '../..');
const built = join(root, `packages/sys/build/linux-${process.arch}`);
// Given by the rig: without ACPI QEMU only leaves a guest that ends by a triple fault; and a busy machine does not emulate a timer in time for the
// kernel's look at it.
const cmdline = 'console=ttyS0 reboot=t panic=-1 quiet no_timer_check';

export interface Image {
  readonly file: string;
  readonly measurements: EifMeasurements;
  remove(): void;
}

export interface ImageOptions {
  /** A file of guest/ without its ending, or a source file by its path; it becomes /app/guest.mjs and runs under node. */
  readonly guest?: string;
  /** Instead of a guest: this /cmd, and no Node in the image. */
  readonly command?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Words after node and the guest: it is PID 1's supervisor then, with fd 3, and not the command. */
  readonly supervisor?: readonly string[];
  /** Of dist/, beside the guest: `caisson` is /app/caisson/caisson.mjs. */
  readonly bundles?: readonly ('caisson' | 'caisson-enclave')[];
  /** Programs of this machine by the path they get, each with the libraries it is linked to. */
  readonly programs?: Readonly<Record<string, string>>;
  /** Instead of the rig's. */
  readonly kernel?: string;
  /** Leaves the root file system out. */
  readonly broken?: boolean;
}

export async function buildImage(options: ImageOptions): Promise<Image> {
  const ramdisks = [createCpio(bootEntries(options))];
  if (options.guest !== undefined) ramdisks.push(createCpio(runtimeEntries(options.programs)));
  if (!options.broken) ramdisks.push(createCpio(await applicationEntries(options)));
  const planned = await planEif(
    {
      architecture: 'x86_64',
      kernel: readFileSync(options.kernel ?? rigFile('out/bzImage')),
      cmdline,
      metadata: { ImageName: 'vm-test', ImageVersion: '0' },
      ramdisks,
    },
    () => createHash('sha384'),
  );
  const folder = mkdtempSync(join(tmpdir(), 'caisson-image-'));
  const file = join(folder, 'app.eif');
  const handle = await open(file, 'wx');
  try {
    for await (const chunk of planned.open()) await handle.write(chunk);
  } finally {
    await handle.close();
  }
  return { file, measurements: planned.measurements, remove: () => rmSync(folder, { recursive: true }) };
}

function bootEntries({ supervisor }: ImageOptions): CpioEntry[] {
  const entries = [folderEntry('dev'), fileEntry('init', join(built, 'caisson-init'), 0o755)];
  if (supervisor === undefined) return entries;
  const words = ['/bin/node', '/app/guest.mjs', ...supervisor].map((word) => `${word}\n`).join('');
  return [...entries, textEntry('profile', 'production\n'), textEntry('supervisor', words)];
}

/** Node, other programs, and every library of `ldd`, each under the path that the loader looks for. */
function runtimeEntries(programs: Readonly<Record<string, string>> = {}): CpioEntry[] {
  const sources = new Map<string, string>();
  for (const [path, from] of Object.entries({ '/bin/node': process.execPath, ...programs })) {
    const program = realpathSync(from);
    sources.set(path, program);
    for (const library of librariesOf(program)) sources.set(library, realpathSync(library));
  }
  const files = [...sources].map(([path, from]) => fileEntry(`rootfs${path}`, from, 0o755));
  return [...foldersOf(files), ...files];
}

/** None for a static program, at which `ldd` fails. */
function librariesOf(program: string): string[] {
  const { status, stdout } = spawnSync('ldd', [program], { encoding: 'utf8' });
  return status === 0 ? [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path!) : [];
}

async function applicationEntries({ guest, command, env = {}, bundles = [] }: ImageOptions): Promise<CpioEntry[]> {
  const files: CpioEntry[] = [];
  if (guest === undefined) {
    files.push(fileEntry('rootfs/bin/probe', join(built, 'caisson-init-probe'), 0o755));
  } else {
    files.push(textEntry('rootfs/app/guest.mjs', await bundleGuest(guest)));
    files.push(fileEntry('rootfs/app/caisson.node', join(built, 'caisson.node'), 0o644));
    for (const path of bundles.flatMap(filesOfBundle))
      files.push(fileEntry(`rootfs/app/${path}`, join(root, 'dist', path), 0o644));
  }
  const variables = { PATH: '/bin', HOME: '/', ...env };
  files.push(textEntry('cmd', command ?? '/bin/node\n/app/guest.mjs\n'));
  files.push(
    textEntry(
      'env',
      Object.entries(variables)
        .map((pair) => `${pair.join('=')}\n`)
        .join(''),
    ),
  );
  files.push(textEntry('rootfs/etc/hosts', '127.0.0.1   localhost\n'));
  const mountPoints = ['dev', 'proc', 'run', 'sys', 'tmp'].map((name) => folderEntry(`rootfs/${name}`));
  return [...foldersOf(files), ...mountPoints, ...files];
}

/** For the `skip` of a test that needs these bundles. */
export function whyNoBundle(...names: readonly ('caisson' | 'caisson-enclave')[]): string | false {
  const missing = names.map(bundleFile).find((file) => !existsSync(file));
  return missing !== undefined && `SKIPPED, NOTHING WAS BOOTED: no ${missing} (npm run build)`;
}

/** A bundle of dist/. */
export function bundleFile(name: 'caisson' | 'caisson-enclave'): string {
  return name === 'caisson' ? programPath : join(root, `dist/${name}.mjs`);
}

/** Paths in dist/. */
function filesOfBundle(name: 'caisson' | 'caisson-enclave'): string[] {
  if (name !== 'caisson') return [`${name}.mjs`];
  return readProgramBuild().pieces.flatMap((piece) => (piece.endsWith('.map') ? [] : [`caisson/${piece}`]));
}

/** A guest as one file, its source name without ending or a path. */
export async function bundleGuest(guest: string): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [guest.endsWith('.ts') ? guest : `test/vm/guest/${guest}.ts`],
    bundle: true,
    write: false,
    platform: 'node',
    format: 'esm',
    target: 'node22.18',
    conditions: ['caisson-source'],
    logLevel: 'warning',
  });
  return outputFiles[0]!.text;
}

function foldersOf(files: readonly CpioEntry[]): CpioEntry[] {
  const folders = new Set<string>();
  for (const { path } of files) {
    for (let folder = dirname(path); folder !== '.'; folder = dirname(folder)) folders.add(folder);
  }
  return [...folders].map(folderEntry);
}

function folderEntry(path: string): CpioEntry {
  return { path, kind: 'directory', mode: 0o755 };
}

function textEntry(path: string, text: string): CpioEntry {
  return { path, kind: 'file', mode: 0o644, content: Buffer.from(text) };
}

function fileEntry(path: string, from: string, mode: number): CpioEntry {
  const content: CpioSource = {
    size: statSync(from).size,
    open: () => createReadStream(from, { highWaterMark: 1 << 20 }),
  };
  return { path, kind: 'file', mode, content };
}
