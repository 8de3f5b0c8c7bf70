// The cache of what was fetched: files named by their digest, in the user's XDG cache folder. Whoever takes one out checks it
// again, so that a cache can be thrown away, shared or tampered with, and only costs a download.
import { isAbsolute, join } from 'node:path';
import { homeFolder } from '../file/index.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** `$CAISSON_CACHE`, else `caisson` in `$XDG_CACHE_HOME` or `~/.cache`. */
export function cacheFolder(env: Environment = process.env): string {
  const own = env['CAISSON_CACHE'];
  if (own !== undefined && own !== '') return own;
  const xdg = env['XDG_CACHE_HOME'];
  // XDG Base Directory Specification: a relative path is to be ignored.
  return join(xdg !== undefined && isAbsolute(xdg) ? xdg : join(homeFolder(env), '.cache'), 'caisson');
}
