// Holds an archive to what its programs ask for: every library that node needs, directly or through another, is there, and none
// that nobody asks for. So the list in the ledger cannot go stale when node or Debian changes.
import { PolicyError } from '@caisson/core/errors';
import { ARCHITECTURES, type Architecture } from './architecture.ts';
import { parseElfNeeds } from './elf.ts';
import type { RuntimeErrorCode } from './error-code.ts';

const libraryFolder = 'runtime/lib/';

/** `files` by their path in the archive. Throws PolicyError RUNTIME_LIBRARY, ParseError RUNTIME_ELF. */
export function checkLibraries(architecture: Architecture, files: ReadonlyMap<string, Uint8Array>): void {
  const { elfMachine, loaderPath } = ARCHITECTURES[architecture];
  const asked = new Set<string>();
  const queue = ['runtime/bin/node'];
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const bytes = files.get(path);
    if (bytes === undefined) throw fault(`the archive must have ${path}, which its programs need`);
    const { machine, loader, libraries } = parseElfNeeds(bytes, path);
    if (machine !== elfMachine)
      throw fault(`${path} must be for machine ${elfMachine} (${architecture}), got ${machine}`);
    if (loader !== null && loader !== loaderPath) throw fault(`${path} must ask for ${loaderPath}, got ${loader}`);
    for (const name of [...libraries, ...(loader === null ? [] : [loader.slice(loader.lastIndexOf('/') + 1)])]) {
      if (asked.has(name)) continue;
      asked.add(name);
      queue.push(`${libraryFolder}${name}`);
    }
  }
  const idle = [...files.keys()].filter(
    (path) => path.startsWith(libraryFolder) && !asked.has(path.slice(libraryFolder.length)),
  );
  if (idle.length > 0) throw fault(`the archive must have no library that nobody asks for, got ${idle.join(', ')}`);
  const busybox = files.get('busybox');
  if (busybox === undefined) throw fault('the archive must have busybox');
  const { machine, loader, libraries } = parseElfNeeds(busybox, 'busybox');
  if (machine === elfMachine && loader === null && libraries.length === 0) return;
  throw fault(
    `busybox must be static and for machine ${elfMachine}, got ${loader ?? libraries.join(', ')} and ${machine}`,
  );
}

function fault(message: string): PolicyError<RuntimeErrorCode> {
  return new PolicyError('RUNTIME_LIBRARY', message);
}
