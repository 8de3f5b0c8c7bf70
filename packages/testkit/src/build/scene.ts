// The inputs of an image without a compiler, a runtime archive or a kernel: files of a few bytes in a folder of their own, and the plan of a
// build from any source.
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type BuildPlan, type BuildSettings, DEFAULT_SETTINGS } from '@caisson/host/build';
import type { OpenedRuntime, ToolchainPart } from '@caisson/host/runtime';
import { createFileContent, type OpenedSource, openFolder, type TreeEntry } from '@caisson/host/tree';

export interface SceneChanges {
  readonly settings?: Partial<BuildSettings>;
  readonly source?: OpenedSource;
  readonly origin?: 'ledger' | 'local';
}

export interface BuildScene {
  /** Empty but for what a test puts there; `source` in it is the default source. */
  readonly folder: string;
  readonly kernelPath: string;
  /** Writes files of the source: path to text. */
  write(files: Readonly<Record<string, string>>): void;
  /** The plan of a build from the source as it is now. */
  plan(changes?: SceneChanges): BuildPlan;
  remove(): void;
}

export function createBuildScene(): BuildScene {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-build-'));
  const parts = join(folder, 'parts');
  const source = join(folder, 'source');
  for (const path of [parts, source]) mkdirSync(path);
  const file = (name: string) => {
    const path = join(parts, name);
    const bytes = Buffer.from(`the bytes of ${name}`);
    writeFileSync(path, bytes);
    const hash = (algorithm: string): string => createHash(algorithm).update(bytes).digest('hex');
    return { path, size: bytes.length, sha256: hash('sha256'), sha384: hash('sha384') };
  };
  const contentOf = (path: string) => createFileContent(path, statSync(path, { bigint: true }));
  const [kernel, archive] = [file('bzImage'), file('runtime.tar')];
  const [node, library] = [file('node'), file('ld-linux-x86-64.so.2')];
  const part = (name: ToolchainPart['name'], origin: 'ledger' | 'local'): ToolchainPart => ({
    name,
    ...file(name),
    origin,
  });
  const runtime = (origin: 'ledger' | 'local'): OpenedRuntime => {
    const owner = { uid: 0, gid: 0, origin: 'runtime' };
    const at = 'usr/lib/caisson/runtime';
    const tree = new Map<string, TreeEntry>();
    for (const path of [at, `${at}/bin`, `${at}/lib`]) tree.set(path, { kind: 'directory', mode: 0o755, ...owner });
    tree.set(`${at}/bin/node`, { kind: 'file', mode: 0o755, ...owner, content: contentOf(node.path) });
    const loader = `${at}/lib/ld-linux-x86-64.so.2`;
    tree.set(loader, { kind: 'file', mode: 0o755, ...owner, content: contentOf(library.path) });
    const names = { name: 'runtime-node-24.0.0-x86_64.tar', architecture: 'x86_64', node: '24.0.0' } as const;
    return { ...names, ...archive, origin, tree, close: async () => {} };
  };
  return {
    folder,
    kernelPath: kernel.path,
    write(files) {
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(source, path)), { recursive: true });
        writeFileSync(join(source, path), text);
      }
    },
    plan({ settings: changed = {}, source: given, origin = 'ledger' } = {}) {
      const settings: BuildSettings = { ...DEFAULT_SETTINGS, kernel: 'file', ...changed };
      const as = settings.rootfs ? 'rootfs' : 'folder';
      return {
        settings,
        source: given ?? openFolder(source, { as, exclude: settings.exclude }),
        kernel: {
          name: 'bzImage',
          ...kernel,
          origin: 'given',
          nsmModule: null,
          version: '6.12.1',
          content: contentOf(kernel.path),
          cmdline: 'console=ttyS0 reboot=t panic=-1',
        },
        toolchain: {
          kind: origin,
          architecture: 'x86_64',
          init: part('init', origin),
          launcher: part('launcher', origin),
          addon: part('addon', origin),
          enclave: part('enclave', origin),
        },
        runtime: runtime(origin),
        commit: null,
        builderVersion: '1.2.3',
      };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
