// The fake nitro-cli: its words, its JSON, its codes, and an enclave that is a process which sleeps, or one that keeps a simulated one. Imports nothing of the house, so that it starts
// fast and shares no mistake with what it tests.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { FakeDescribeBehaviour, FakeRunBehaviour, FakeScript, FakeTerminateBehaviour } from './behaviour.ts';
import type { AskedEnclave, KeptAnswer } from './simulation.ts';

const [folder = '', verb = '', ...words] = process.argv.slice(2);
const script = JSON.parse(readFileSync(join(folder, 'script.json'), 'utf8')) as FakeScript;
const enclaves = join(folder, 'enclaves');
mkdirSync(enclaves, { recursive: true });

interface Kept {
  readonly EnclaveID: string;
  readonly EnclaveName: string | undefined;
  readonly EnclaveCID: number;
  readonly NumberOfCPUs: number;
  readonly MemoryMiB: number;
  readonly ProcessID: number;
  readonly image: string;
}

type Behaviour = FakeRunBehaviour & FakeDescribeBehaviour & FakeTerminateBehaviour;

function flag(name: string): string | undefined {
  const at = words.indexOf(`--${name}`);
  return at < 0 ? undefined : words[at + 1];
}

function mutter(codes: readonly string[]): void {
  for (const code of codes) {
    const link = `https://docs.aws.amazon.com/enclaves/latest/user/cli-errors.html#${code}`;
    process.stderr.write(`[ ${code} ] It failed.\n\nFor more details, please visit ${link}\n\n`);
  }
}

function fail(codes: readonly string[]): never {
  mutter(codes);
  process.exit(Number(codes.at(-1)?.slice(1)));
}

function isAlive(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

/** Those whose process lives; the others leave nothing. */
function running(): Kept[] {
  return readdirSync(enclaves).flatMap((name) => {
    const kept = JSON.parse(readFileSync(join(enclaves, name), 'utf8')) as Kept;
    if (isAlive(kept.ProcessID)) return [kept];
    rmSync(join(enclaves, name), { force: true });
    return [];
  });
}

/** This call’s part of the script, as long as it holds. */
function behaviour(): Behaviour {
  const told = (script[verb as 'run-enclave'] ?? {}) as Behaviour;
  const { times = Number.POSITIVE_INFINITY, skips = 0 } = told;
  if (told.times === undefined && told.skips === undefined) return told;
  const file = join(folder, `${verb}.count`);
  const count = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  writeFileSync(file, String(count + 1));
  return count >= skips && count < skips + times ? told : {};
}

async function start({ mismeasures, dies }: Behaviour): Promise<Kept> {
  const image = flag('eif-path') ?? '';
  const id = `i-0123456789abcdef0-enc${process.pid.toString(16).padStart(16, '0')}`;
  const first = words.indexOf('--cpu-ids') + 1;
  const ids =
    first === 0
      ? []
      : words.slice(
          first,
          words.findIndex((word, at) => at > first && word.startsWith('--')),
        );
  const CPUIDs = first === 0 ? Array.from({ length: Number(flag('cpu-count')) }, (_, n) => n) : ids.map(Number);
  const zero = '0'.repeat(96);
  const told = mismeasures ? { PCR0: 'ab'.repeat(48), PCR1: zero, PCR2: zero } : script.measurements?.[image];
  const shown = {
    EnclaveName: flag('enclave-name'),
    EnclaveID: id,
    EnclaveCID: Number(flag('enclave-cid')),
    NumberOfCPUs: CPUIDs.length,
    CPUIDs,
    MemoryMiB: Number(flag('memory')),
    State: 'RUNNING',
    Flags: words.includes('--debug-mode') ? 'DEBUG_MODE' : 'NONE',
    ...(told !== undefined && { Measurements: { HashAlgorithm: 'Sha384 { ... }', ...told } }),
    image,
  };
  const file = join(enclaves, id);
  if (script.isSimulated) return { ...shown, ProcessID: await startSimulated(shown, file) };
  const kept = { ...shown, ProcessID: startSleep(dies === true) };
  if (!dies) {
    // Somebody may be looking.
    const made = join(folder, `${process.pid}.new`);
    writeFileSync(made, JSON.stringify(kept));
    renameSync(made, file);
  }
  return kept;
}

function startSleep(dies: boolean): number {
  const child = spawn('sleep', [dies ? '0' : '1000000'], { detached: true, stdio: 'ignore' });
  child.unref();
  return child.pid ?? 0;
}

/** Resolves with its process at the heartbeat; ends with nitro-cli's code where none comes. */
async function startSimulated(shown: Omit<Kept, 'ProcessID'>, file: string): Promise<number> {
  const { image, EnclaveID, EnclaveCID: cid, MemoryMiB: memoryMiB, NumberOfCPUs: cpuCount } = shown;
  const debug = words.includes('--debug-mode');
  const asked: AskedEnclave = { image, cid, memoryMiB, cpuCount, debug, bootMs: 60_000, shown, file };
  const program = join(import.meta.dirname, 'enclave.ts');
  const log = openSync(join(folder, 'enclave.log'), 'a');
  const child = spawn(
    process.execPath,
    ['--conditions=caisson-source', program, folder, EnclaveID, JSON.stringify(asked)],
    { detached: true, stdio: ['ignore', 'pipe', log] },
  );
  child.unref();
  let line = '';
  for await (const piece of child.stdout ?? []) line += String(piece);
  const answer = (line === '' ? { code: 'unknown', message: 'it died' } : JSON.parse(line)) as KeptAnswer;
  if ('pid' in answer) return answer.pid;
  process.stderr.write(`${answer.message}\n`);
  return fail([answer.code === 'BACKEND_CAPACITY' ? 'E27' : 'E36', 'E39']);
}

async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** By its id or by its whole name. */
function asked(): Kept | undefined {
  const [id, name] = [flag('enclave-id'), flag('enclave-name')];
  return running().find(({ EnclaveID, EnclaveName }) => (name === undefined ? EnclaveID === id : EnclaveName === name));
}

const told = behaviour();
if (told.mutters !== undefined) mutter(told.mutters);
/** Resolves when it has left: an exit would cut it. */
const print = (value: unknown): Promise<void> =>
  new Promise((resolve) => process.stdout.write(told.prints ?? `${JSON.stringify(value, null, 2)}\n`, () => resolve()));
if (told.delayMs !== undefined) await new Promise((resolve) => setTimeout(resolve, told.delayMs));
while (told.waitsFor !== undefined && !existsSync(told.waitsFor))
  await new Promise((resolve) => setTimeout(resolve, 20));
if (verb === 'run-enclave') {
  const { starts = told.fails === undefined && told.hangs === undefined } = told;
  if (typeof starts === 'object') {
    // As the process of an enclave, which goes on when nitro-cli is killed.
    const later = { measurements: script.measurements, 'run-enclave': { waitsFor: starts.onceThere } };
    const other = join(folder, 'later');
    mkdirSync(other, { recursive: true });
    writeFileSync(join(other, 'script.json'), JSON.stringify(later));
    if (!existsSync(join(other, 'enclaves'))) (await import('node:fs')).symlinkSync(enclaves, join(other, 'enclaves'));
    const again = [process.argv[1] ?? '', other, verb, ...words];
    spawn(process.execPath, again, { detached: true, stdio: 'ignore' }).unref();
  }
  const kept = starts === true ? await start(told) : undefined;
  process.stderr.write('Start allocating memory...\n');
  if (told.hangs) await new Promise(() => setInterval(() => {}, 1_000_000));
  if (told.fails !== undefined) fail(told.fails);
  const { State, Flags, Measurements, image, ...printed } = { ...kept } as unknown as Record<string, unknown>;
  if (kept !== undefined || told.prints !== undefined) await print(printed);
  process.exit(0);
}
if (told.hangs) await new Promise(() => setInterval(() => {}, 1_000_000));
if (told.fails !== undefined) fail(told.fails);
if (verb === 'describe-enclaves') {
  const all = running();
  const shown = all.map(({ image, ...one }) => one);
  await print(told.doubles ? shown.flatMap((one) => [one, { ...one, EnclaveID: `${one.EnclaveID}0` }]) : shown);
  // An application that ends, once somebody has seen that it started.
  for (const { ProcessID } of all.filter(({ image }) => basename(image) === 'exits.eif')) process.kill(ProcessID);
} else if (verb === 'terminate-enclave') {
  const one = asked();
  if (one === undefined) fail(flag('enclave-name') === undefined ? ['E40', 'E39'] : ['E58']);
  if (!told.lies) {
    process.kill(one.ProcessID, 'SIGTERM');
    await gone(one.ProcessID);
    rmSync(join(enclaves, one.EnclaveID));
  }
  await print({ EnclaveID: one.EnclaveID, Terminated: true });
} else if (verb === 'console') {
  const one = asked();
  if (one === undefined) fail(['E44']);
  const file = join(folder, 'consoles', one.EnclaveID);
  if (!script.isSimulated) process.stdout.write('booting\ncaisson-init: exit 7\n');
  for (let shown = 0, isLast = false; !isLast; ) {
    isLast = !isAlive(one.ProcessID);
    const bytes = script.isSimulated && existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
    process.stdout.write(bytes.subarray(shown));
    shown = bytes.length;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
} else fail(['E14']);
