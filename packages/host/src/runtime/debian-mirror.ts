// Where a Debian package may be: the machine's own mirror, Debian's, and snapshot.debian.org, which keeps what mirrors forget.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

// Given: Debian's own names.
const mainMirror = 'http://deb.debian.org/debian';
const snapshot = 'https://snapshot.debian.org/archive/debian';
// Chosen.
const maxSourceBytes = 65_536;

/** Addresses of `path` (`pool/…`), most likely first. Where a mirror is named nobody else is asked. */
export function debianUrls(path: string, moment: string, mirror?: string): string[] {
  if (mirror !== undefined) return [`${mirror.replace(/\/+$/, '')}/${path}`];
  const roots = [...new Set([...readAptMirrors(), mainMirror]), `${snapshot}/${moment}`];
  return roots.map((root) => `${root}/${path}`);
}

/** The mirrors of the main archive that apt uses here; none where there is no apt. */
function readAptMirrors(folder = '/etc/apt'): string[] {
  const read = (path: string): string => {
    try {
      return readFileSync(path, 'utf8').slice(0, maxSourceBytes);
    } catch {
      return '';
    }
  };
  let names: string[] = [];
  try {
    names = readdirSync(join(folder, 'sources.list.d')).sort();
  } catch {
    // No apt here.
  }
  const files = [...names.map((name) => join('sources.list.d', name)), 'sources.list'];
  return files.flatMap((name) => parseAptMirrors(read(join(folder, name))));
}

/** Both forms of sources.list(5). Only plain HTTP addresses of a main archive: not security, not another vendor's. */
export function parseAptMirrors(text: string): string[] {
  const found: string[] = [];
  for (const line of text.split('\n')) {
    const words = /^URIs:(.*)$/.exec(line)?.[1] ?? /^deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s/.exec(line)?.[1] ?? '';
    for (const word of words.trim().split(/\s+/)) {
      const plain = word.replace(/\/+$/, '');
      if (/^https?:\/\/[^\s@]+\/debian$/.test(plain)) found.push(plain);
    }
  }
  return found;
}
