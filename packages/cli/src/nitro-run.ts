// run-enclave from flags to its JSON. What it runs on is the engine's first note, on stderr: a script that was written for hardware reads stdout alone, and
// a person must not take a simulation for it.
import { enclaveFolder } from '@caisson/host/record';
import { showConsole } from './console-session.ts';
import { openEnclaveSource } from './enclave-source.ts';
import { jsonText } from './json-text.ts';
import { type RunEnclaveFlags, readRunWords } from './nitro-run-words.ts';
import type { openNitroVerbs } from './nitro-verb-session.ts';
import type { Surroundings } from './surroundings.ts';

export async function startEnclave(
  flags: RunEnclaveFlags,
  surroundings: Surroundings,
  open: typeof openNitroVerbs,
): Promise<number> {
  const { stdout, stderr, stop } = surroundings;
  const { runEnclave } = await import('@caisson/host/nitro-verb');
  const { words, attach } = await readRunWords(flags);
  const say = (line: string): void => void stderr.write(`${line}\n`);
  const world = await open(surroundings, say);
  const { started, record } = await runEnclave(world, words, { signal: stop });
  const { EnclaveCID, MemoryMiB, CPUIDs } = started;
  for (const departure of record.state?.departures ?? []) say(`note: ${departure}`);
  // Given: the words of nitro-cli, which scripts look for.
  say(`Started enclave with enclave-cid: ${EnclaveCID}, memory: ${MemoryMiB} MiB, cpu-ids: [${CPUIDs.join(', ')}]`);
  stdout.write(`${jsonText(started, 2)}\n`);
  if (!attach) return 0;
  const source = await openEnclaveSource(surroundings);
  say(
    `console of ${record.name}, kept in ${enclaveFolder(source.state, record.name).console}; Ctrl-C leaves it running`,
  );
  return await showConsole(source, record.name, surroundings, { follow: true, disconnectMs: undefined });
}
