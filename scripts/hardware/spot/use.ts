// What is done on the instance once it runs: prepare it, ship the packed folder, run the command, fetch what it has left.
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { quoteWord, type Remote } from './remote.ts';
import type { SpotSettings } from './settings.ts';

export interface Using {
  readonly settings: SpotSettings;
  readonly remote: Remote;
  readonly archive: string;
  /** Of the instance, by AWS: why nobody answers there any more; undefined while it runs. */
  readonly whyGone: () => Promise<string | undefined>;
  readonly stop: AbortSignal;
  readonly say: (line: string) => void;
}

// Chosen.
const prepareMs = 600_000;
const unpackMs = 300_000;

/** Resolves with the command's exit code; 1 when it succeeded and its results could not be fetched. */
export async function useInstance(using: Using): Promise<number> {
  const { settings, remote, archive, stop, say } = using;
  await remote.untilAnswers(settings.pollMs);
  const [cpus, memoryMiB] = allocatorSize(settings);
  say(`preparing it: nitro-cli, ${cpus} CPUs and ${memoryMiB} MiB for an enclave`);
  const input = readFileSync(join(import.meta.dirname, 'prepare-instance.sh'), 'utf8');
  await expectZero(
    'preparing the instance',
    remote.run(`sh -s ${cpus} ${memoryMiB}`, { input, deadlineMs: prepareMs }),
  );
  say('shipping the packed folder');
  await remote.send(archive, 'caisson.tar.gz');
  const unpack = 'mkdir -p caisson && tar -xzf caisson.tar.gz -C caisson';
  await expectZero('unpacking the folder', remote.run(unpack, { deadlineMs: unpackMs }));
  say(`running ${settings.runCommand}`);
  const words = Object.entries(passedOn(settings)).map(([name, value]) => `${name}=${quoteWord(value)}`);
  const code = await remote.run(`cd caisson && env ${words.join(' ')} sh -c ${quoteWord(settings.runCommand)}`);
  say(`the command ended with ${code}`);
  // Ssh's own code for a connection that broke, and what spot instances are known for.
  const gone = code === 255 ? await using.whyGone() : undefined;
  if (gone !== undefined) throw new Error(`the instance is gone: ${gone}`);
  try {
    // Also of a command that failed: that is when its logs are wanted.
    await fetchResults(using);
    return code;
  } catch (error) {
    stop.throwIfAborted();
    say(`FAILED: ${(error as Error).message}`);
    return code || 1;
  }
}

async function fetchResults({ settings: { fetchPath, artifactDir }, remote, say }: Using): Promise<void> {
  const from = fetchPath.startsWith('/') ? fetchPath : `caisson/${fetchPath}`;
  // What root has written is made readable first.
  const own = remote.run(`test -e ${from} && sudo chown -R "$(id -u)" ${from}`, { deadlineMs: 60_000 });
  await expectZero(`looking for ${fetchPath} on the instance`, own);
  mkdirSync(artifactDir, { recursive: true });
  await remote.fetch(from, artifactDir);
  say(`fetched ${fetchPath} into ${artifactDir}`);
}

async function expectZero(what: string, work: Promise<number>): Promise<void> {
  const code = await work;
  if (code !== 0) throw new Error(`${what} ended with ${code}`);
}

/** Results go where they are fetched from, unless somebody says otherwise. */
function passedOn({ job, passed, fetchPath }: SpotSettings): Readonly<Record<string, string>> {
  const name = `${job.toUpperCase()}_RESULTS_DIR`;
  const isSaid = passed[`CAISSON_${name}`] || passed[`ARGONAUT_${name}`];
  return isSaid ? passed : { ...passed, [`CAISSON_${name}`]: fetchPath };
}

// Given: argonaut's 2 CPUs and 1024 MiB; a larger enclave that was asked for gets its room.
function allocatorSize({ job, passed }: SpotSettings): readonly [cpus: number, memoryMiB: number] {
  const asked = (name: string): number => {
    const group = job.toUpperCase();
    return Number(passed[`CAISSON_${group}_${name}`] || passed[`ARGONAUT_${group}_${name}`] || 0) || 0;
  };
  const within = (value: number, least: number, most: number): number =>
    Number.isSafeInteger(value) ? Math.min(Math.max(value, least), most) : least;
  return [within(asked('CPUS'), 2, 128), within(asked('MEMORY'), 1_024, 1_048_576)];
}
