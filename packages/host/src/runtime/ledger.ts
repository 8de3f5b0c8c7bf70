// The ledger: every file that may enter an image, by its digests. Checked in as JSON (packages/host/ledger); a packed program
// carries the list of its own parts beside them. Digests are what is trusted, never a place, a mirror or the tool that unpacked.
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import type { Architecture } from './architecture.ts';
import type { RuntimeErrorCode } from './error-code.ts';
import { type ArchiveLedger, type PartLedger, parseArchiveLedger, parsePartLedger } from './parse-ledger.ts';

// Chosen.
const maxLedgerBytes = 262_144;

/** Where the ledgers are: of the sources or the compiled package, beside a bundle, or in the tree a bundle was made in. */
export function ledgerFolder(): string {
  const here = import.meta.dirname;
  const folders = [join(here, 'ledger'), join(here, '../../ledger'), join(here, '../packages/host/ledger')];
  const found = folders.find((folder) => existsSync(join(folder, 'runtime.json')));
  if (found !== undefined) return found;
  throw new CaissonError<RuntimeErrorCode>('RUNTIME_LEDGER', `no ledger found, looked in ${folders.join(', ')}`, {
    hint: 'the program is incomplete; install it again',
  });
}

/** What the runtime archive of `architecture` is made of, and what it is. Throws CaissonError RUNTIME_LEDGER. */
export function readArchiveLedger(architecture: Architecture): ArchiveLedger {
  return parseArchiveLedger(readLedger('runtime.json'), architecture);
}

/** The parts that a release was made with. Throws CaissonError RUNTIME_LEDGER. */
export function readPartLedger(): PartLedger {
  return parsePartLedger(readLedger('parts.json'));
}

/** The text of a ledger as a value. Throws CaissonError RUNTIME_LEDGER. */
export function readLedger(name: string, folder = ledgerFolder()): unknown {
  const path = join(folder, name);
  try {
    const { size } = statSync(path);
    if (size > maxLedgerBytes) throw new RangeError(`at most ${maxLedgerBytes} bytes, got ${size}`);
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CaissonError<RuntimeErrorCode>('RUNTIME_LEDGER', `cannot read ledger ${path}: ${why}`, { cause });
  }
}
