// The cache of what was fetched: files named by their digest, in the user's XDG cache folder. Whoever takes one out checks it
// again, so that a cache can be thrown away, shared or tampered with, and only costs a download.
import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** `$CAISSON_CACHE`, else `caisson` in `$XDG_CACHE_HOME` or `~/.cache`. */
export function cacheFolder(env: Environment = process.env): string {
  const own = env['CAISSON_CACHE'];
  if (own !== undefined && own !== '') return own;
  const xdg = env['XDG_CACHE_HOME'];
  // XDG Base Directory Specification: a relative path is to be ignored.
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), '.cache'), 'caisson');
}

/** Makes `path` by `write` into a name beside it, and a rename when that has ended well. Leaves nothing behind otherwise. */
export async function writeWhole<Result>(path: string, write: (fresh: string) => Promise<Result>): Promise<Result> {
  const fresh = join(dirname(path), `.caisson-${process.pid}-${randomBytes(6).toString('hex')}`);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  try {
    const result = await write(fresh);
    await rename(fresh, path);
    return result;
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
}
