// Builds packages/sys/build/linux-<arch>/caisson.node from packages/sys/addon/*.c with the C compiler of the machine and the
// headers of the pinned Node. Does nothing when sources, headers, flags and compiler are those of the last build. Without a
// compiler it says so in one line and succeeds: TCP, unix and fabric work through the JavaScript data plane.
// `--sanitize`: AddressSanitizer and UBSan, beside the plain one. `--arch arm64`: with CC set to a cross compiler.
import { existsSync, globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { compile, compilers, findCompiler, root } from './compile.ts';

const { values } = parseArgs({
  options: { sanitize: { type: 'boolean', default: false }, arch: { type: 'string', default: process.arch } },
});

const plainFlags = ['-O2', '-fstack-protector-strong'];
const sanitizeFlags = [
  '-O1',
  '-g',
  '-fno-omit-frame-pointer',
  '-fsanitize=address,undefined',
  '-fno-sanitize-recover=all',
];
const flags = [
  ...(values.sanitize ? sanitizeFlags : plainFlags),
  ...['-fPIC', '-shared', '-std=c11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror', '-fvisibility=hidden'],
  ...['-Wl,-z,relro', '-Wl,-z,now', '-Wl,-z,noexecstack'],
  // No DT_NEEDED and no symbol versions: everything binds to the C library that node itself has loaded, so that a file
  // built on a new machine runs on glibc 2.28 (packages/sys/src/addon-file.test.ts looks at the result).
  ...(values.sanitize ? [] : ['-nostdlib', '-s']),
];

const line = build();
if (line !== undefined) console.error(`addon: ${line}`);

/** Returns the line to print when nothing was built. */
function build(): string | undefined {
  if (process.platform !== 'linux') return `not built on ${process.platform}: vsock and the NSM exist on Linux only`;
  const compiler = findCompiler();
  if (compiler === undefined) {
    const named = process.env['CC'];
    const looked = named ? `CC=${named} does not run` : `no C compiler (looked for ${compilers.join(', ')})`;
    return `${looked}: vsock, /dev/nsm and the native bridge are off; install gcc and run npm run build`;
  }
  const include = findHeaders();
  if (include === undefined) return 'not built: no node_api.h beside the pinned or the running Node; run npm install';
  const nodeHeaders = globSync('{node_api,js_native_api}*.h', { cwd: include }).sort();
  return compile({
    compiler,
    flags,
    include,
    sources: globSync('packages/sys/addon/*.c', { cwd: root }).sort(),
    headers: [
      ...globSync('packages/sys/addon/*.h', { cwd: root }).sort(),
      ...nodeHeaders.map((name) => join(include, name)),
    ],
    output: join(root, `packages/sys/build/linux-${values.arch}${values.sanitize ? '-sanitize' : ''}/caisson.node`),
  });
}

function findHeaders(): string | undefined {
  return [
    join(root, `node_modules/node-linux-${process.arch}/include/node`),
    join(dirname(process.execPath), '../include/node'),
  ].find((folder) => existsSync(join(folder, 'node_api.h')));
}
