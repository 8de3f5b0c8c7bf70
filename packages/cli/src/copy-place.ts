// The two sides of a copy as words: one is `ENCLAVE:/path`, the other lies here.
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { LocalPlace } from '@caisson/link/pipeline';
import { UsageError } from './exit-code.ts';

export type CopySides =
  | { readonly direction: 'in'; readonly local: string; readonly enclave: string; readonly remote: string }
  | { readonly direction: 'out'; readonly local: string; readonly enclave: string; readonly remote: string };

const remoteForm = /^(vsock:[0-9]{1,10}(?::[0-9]{1,10})?|[a-z][a-z0-9-]{0,62}|[0-9]{1,10}):(.*)$/s;

/** Throws UsageError unless exactly one of them is an enclave's. A path here that looks like one is written `./a:b`. */
export function parseSides(source: string, target: string): CopySides {
  const [from, to] = [remoteForm.exec(source), remoteForm.exec(target)];
  if ((from === null) === (to === null)) {
    throw new UsageError(`one of ${source} and ${target} must be ENCLAVE:/path and the other a path here`);
  }
  if (from === null) return { direction: 'in', local: source, enclave: to?.[1] ?? '', remote: to?.[2] ?? '' };
  return { direction: 'out', local: target, enclave: from[1] ?? '', remote: from[2] ?? '' };
}

/** The file or folder to copy. Links are followed, because the person who typed the path meant what it leads to. */
export async function sourcePlace(path: string): Promise<LocalPlace> {
  let real: string;
  try {
    real = await realpath(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    throw Object.assign(new Error(`${path} cannot be copied: ${code}`), { code });
  }
  if (real === '/' || (await lstat(real)).isDirectory()) return { folder: real, name: null };
  return { folder: dirname(real), name: basename(real) };
}

/** The file or folder to create; the folder that it will be in must exist. */
export async function targetPlace(path: string): Promise<LocalPlace> {
  const whole = resolve(path);
  if (whole === '/') return { folder: '/', name: null };
  const isFolder = await lstat(await realpath(whole).catch(() => whole)).then(
    (stat) => stat.isDirectory(),
    () => false,
  );
  if (isFolder) return { folder: await realpath(whole), name: null };
  return { folder: dirname(whole), name: basename(whole) };
}
