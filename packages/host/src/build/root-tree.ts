// The root file system of an image: the source, what Caisson adds to it, and the places where PID 1 mounts. What Caisson adds has names
// of its own, and a source that already has one of them is refused: neither may be taken for the other.

import { statSync } from 'node:fs';
import { PolicyError } from '@caisson/core/errors';
import { linkRuntime, RUNTIME_FOLDER } from '../runtime/index.ts';
import { createFileContent, type RootTree, type TreeContent, type TreeEntry } from '../tree/index.ts';
import { APPLICATION_FOLDER, type ImageCommand } from './command.ts';
import type { BuildErrorCode } from './error-code.ts';
import type { BuildPlan } from './plan.ts';

export const CAISSON_FOLDER = 'usr/lib/caisson';
export const ENCLAVE_PROGRAM = `${CAISSON_FOLDER}/caisson-enclave.mjs`;
export const LAUNCHER = `${CAISSON_FOLDER}/caisson-launcher`;
/** Only in development images. */
const BUSYBOX = `${CAISSON_FOLDER}/busybox`;
/** Chosen: what one looks around with; an operator's PATH ends with their folder, and no service's does. */
const busyboxNames: readonly string[] = (
  'awk base64 cat chmod chown cp cut date dd df diff dirname dmesg du echo env expr false find free grep gunzip gzip head hexdump hostname id ' +
  'ifconfig ip kill less ln ls md5sum mkdir mount mv nc netstat nproc od pidof ping printf ps pwd readlink rm rmdir route sed seq sh sha256sum ' +
  'sha512sum sleep sort stat stty tail tar tee test time timeout top touch tr true tty uname uniq uptime vi wc wget which whoami xargs xxd'
).split(' ');
const measuredFolder = 'etc/caisson';
// Chosen: what argonaut's users and initctl's call inside. A source's own programs of these names stay.
export const ENCLAVE_NAMES: readonly string[] = ['argonaut', 'caisson-enclave', 'initctl', 'pipeline'];
// Given: what AWS's builder makes, and PID 1 mounts on.
const mountPoints = ['dev', 'proc', 'run', 'sys', 'tmp', 'var'];
// A folder has no users of its own; programs ask for the names of 0 and of nobody.
const accounts: Readonly<Record<string, string>> = {
  'etc/passwd': 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  'etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  'etc/hosts': '127.0.0.1 localhost\n::1 localhost\n',
};

/** Without the measured files, which are about what is in it. Throws PolicyError BUILD_CLASH. */
export function createRootTree(
  { settings, source, toolchain, runtime }: BuildPlan,
  command: ImageCommand,
): Map<string, TreeEntry> {
  const tree = new Map<string, TreeEntry>();
  const isFolder = source.kind === 'folder';
  if (isFolder) add(tree, APPLICATION_FOLDER, folderEntry('folder'));
  for (const [path, entry] of source.tree)
    tree.set(isFolder ? `${APPLICATION_FOLDER}/${path}` : path, inFolder(entry, isFolder));
  if (isFolder) for (const [path, lines] of Object.entries(accounts)) add(tree, path, textEntry(Buffer.from(lines)));
  for (const path of mountPoints) if (!tree.has(path)) add(tree, path, folderEntry('caisson'));
  const isSupervised = settings.init === 'caisson';
  if (isSupervised || command.needsNode) {
    requireFree(tree, CAISSON_FOLDER);
    for (const [path, entry] of runtime?.tree ?? []) {
      if (isSupervised || path.startsWith(RUNTIME_FOLDER)) add(tree, path, entry);
    }
    if (isFolder && runtime !== null) {
      for (const [path, entry] of linkRuntime(runtime)) if (!tree.has(path)) add(tree, path, entry);
    }
  }
  if (isSupervised) {
    const part = ({ path, size }: { path: string; size: number }, mode = 0o644): TreeEntry => ({
      kind: 'file',
      mode,
      uid: 0,
      gid: 0,
      origin: 'caisson',
      content: createPartContent(path, size),
    });
    add(tree, ENCLAVE_PROGRAM, part(toolchain.enclave));
    add(tree, `${CAISSON_FOLDER}/caisson.node`, part(toolchain.addon));
    add(tree, LAUNCHER, part(toolchain.launcher, 0o755));
    if (tree.has(BUSYBOX)) {
      for (const name of busyboxNames) add(tree, `${CAISSON_FOLDER}/bin/${name}`, linkEntry('../busybox'));
    }
    for (const name of ENCLAVE_NAMES) linkName(tree, `usr/bin/${name}`);
  }
  if (isSupervised) requireFree(tree, measuredFolder);
  return tree;
}

/** `measured`: files of /etc/caisson by name. Throws PolicyError BUILD_CLASH. */
export function addMeasured(tree: Map<string, TreeEntry>, measured: ReadonlyMap<string, Uint8Array>): void {
  for (const [name, bytes] of measured) add(tree, `${measuredFolder}/${name}`, textEntry(bytes));
}

export function createBytesContent(bytes: Uint8Array): TreeContent {
  return {
    size: bytes.length,
    async *open() {
      yield bytes;
    },
  };
}

/** A part of the toolchain, as long as it was when it was hashed; its bytes are hashed again while they are written. */
export function createPartContent(path: string, size: number): TreeContent {
  return createFileContent(path, { ...statSync(path, { bigint: true }), size: BigInt(size) });
}

function textEntry(bytes: Uint8Array): TreeEntry {
  return { kind: 'file', mode: 0o644, uid: 0, gid: 0, origin: 'caisson', content: createBytesContent(bytes) };
}

/** Names of hard links are paths of the source, which lies a folder deeper here. */
function inFolder(entry: TreeEntry, isFolder: boolean): TreeEntry {
  if (!isFolder || entry.kind !== 'hardlink') return entry;
  return { ...entry, target: `${APPLICATION_FOLDER}/${entry.target}` };
}

function folderEntry(origin: string): TreeEntry {
  return { kind: 'directory', mode: 0o755, uid: 0, gid: 0, origin };
}

/** Adds the link, unless the source has that name or one of its folders is a link. */
function linkName(tree: Map<string, TreeEntry>, path: string): void {
  const isOpen = ['usr', 'usr/bin'].every((folder) => (tree.get(folder)?.kind ?? 'directory') === 'directory');
  if (!isOpen || tree.has(path)) return;
  // Relative, so that it also holds when the root is mounted somewhere else.
  add(tree, path, linkEntry(`../../${LAUNCHER}`));
}

function linkEntry(target: string): TreeEntry {
  return { kind: 'symlink', mode: 0o777, uid: 0, gid: 0, origin: 'caisson', target };
}

/** Folders on the way are made where they are missing. */
function add(tree: Map<string, TreeEntry>, path: string, entry: TreeEntry): void {
  const parts = path.split('/');
  for (let depth = 1; depth < parts.length; depth += 1) {
    const parent = parts.slice(0, depth).join('/');
    const found = tree.get(parent);
    if (found === undefined) tree.set(parent, folderEntry('caisson'));
    else if (found.kind !== 'directory')
      throw clash(parent, `be a folder, because ${path} goes there, got ${found.kind}`);
  }
  const found = tree.get(path);
  if (found?.kind === 'directory' && entry.kind === 'directory') return;
  if (found !== undefined) throw clash(path, `not be in the source, because Caisson puts its own there`);
  tree.set(path, entry);
}

function requireFree(tree: RootTree, folder: string): void {
  if (tree.has(folder)) throw clash(folder, 'not be in the source, because Caisson puts its own there');
}

function clash(path: string, bound: string): PolicyError<BuildErrorCode> {
  return new PolicyError('BUILD_CLASH', `/${path} must ${bound}`, {
    hint: 'an image that was taken apart cannot be a source as it is; remove what Caisson added',
  });
}
