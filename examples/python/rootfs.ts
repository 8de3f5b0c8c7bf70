// Assembles a root file system of the python3 that this machine (Debian, Ubuntu) has installed: the files of its packages and the libraries that they
// are linked with. Nothing is fetched. The result has this machine's versions, so another machine gets other measurements: for an image that others
// are to build again, start from a container image by its digest.
import { spawnSync } from 'node:child_process';
import { cpSync, globSync, lstatSync, mkdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const leftOut = /^\/usr\/share\/|\/(test|idlelib|ensurepip|lib2to3|turtledemo|tkinter|__pycache__)(\/|$)/;

/** Into `target`, which is made anew. Throws where there is no python3 of a Debian package. */
export function assembleRootfs(target: string): void {
  const python = realpathSync('/usr/bin/python3');
  const version = /python(3\.\d+)$/.exec(python)?.[1];
  if (version === undefined) throw new Error(`/usr/bin/python3 must be a Debian package's, got ${python}`);
  const packages = [`python${version}-minimal`, `libpython${version}-minimal`, `libpython${version}-stdlib`];
  const listed = run('dpkg-query', ['-L', ...packages]).split('\n');
  const files = listed.filter((path) => path.startsWith('/') && !leftOut.test(path) && isFile(path));
  rmSync(target, { recursive: true, force: true });
  for (const folder of ['usr/bin', 'usr/lib', 'usr/lib64', 'etc', 'srv', 'tmp', 'proc', 'sys', 'dev', 'run', 'var']) {
    mkdirSync(join(target, folder), { recursive: true });
  }
  // As Debian has them.
  for (const name of ['lib', 'lib64', 'bin']) symlinkSync(`usr/${name}`, join(target, name));
  const modules = globSync(`/usr/lib/python${version}/lib-dynload/*.so`);
  for (const path of [...files, ...librariesOf([python, ...modules])]) {
    // /lib is a link of /usr/lib, here and there.
    const place = join(target, path.startsWith('/lib') ? `/usr${path}` : path);
    mkdirSync(dirname(place), { recursive: true });
    cpSync(isLibrary(path) ? realpathSync(path) : path, place, { verbatimSymlinks: true });
  }
  symlinkSync(basename(python), join(target, 'usr/bin/python3'));
  writeFileSync(join(target, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n');
  writeFileSync(join(target, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  writeFileSync(join(target, 'etc/hosts'), '127.0.0.1 localhost\n');
  cpSync(join(import.meta.dirname, 'app.py'), join(target, 'srv/app.py'));
}

/** By ldd, which runs the loader: fine for programs of this machine's own packages, and for no others. */
function librariesOf(programs: readonly string[]): string[] {
  const lines = run('ldd', programs).split('\n');
  const paths = lines.map((line) => /(?:=> |^\s+)(\/\S+) \(0x/.exec(line)?.[1]);
  return [...new Set(paths.filter((path) => path !== undefined))];
}

const isLibrary = (path: string): boolean => /\.so[.\d]*$/.test(path);

function isFile(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found !== undefined && !found.isDirectory();
}

function run(program: string, words: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, words, { encoding: 'utf8', maxBuffer: 1 << 24 });
  if (status !== 0) throw new Error(`${program} must end with 0, got ${status ?? error?.message}: ${stderr ?? ''}`);
  return stdout;
}

if (import.meta.main) {
  const target = process.argv[2] ?? join(import.meta.dirname, 'rootfs');
  assembleRootfs(target);
  console.log(`root file system with ${realpathSync('/usr/bin/python3')} in ${target}`);
}
