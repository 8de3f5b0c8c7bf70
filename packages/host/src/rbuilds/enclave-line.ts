// The commands of rbuilds about enclaves that run: nitro-cli's verbs with the reference's words, over the engine of this house. What they say and print
// goes to ./eif/run-enclave.log too. Unlike the reference a command that fails ends the run.
import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CaissonError } from '@caisson/core/errors';
import { manifestPathOf, parseManifest } from '../build/index.ts';
import {
  asNitroFailure,
  describeEnclaves,
  findListed,
  type ListedEnclave,
  listEnclaves,
  runEnclave,
  terminateEnclaves,
} from '../nitro-verb/index.ts';
import type { EnclaveStep } from './command.ts';
import type { RbuildsErrorCode } from './error-code.ts';
import { fitMachine } from './machine.ts';
import { imagePathOf } from './make-eif.ts';
import { EIF_FOLDER, RUN_LOG } from './run-stage.ts';
import type { RbuildsSettings } from './settings.ts';
import type { RbuildsEnclaves, RbuildsWorld } from './world.ts';

/** Given: the reference's. */
export const RBUILDS_ENCLAVE_NAME = 'app_builder_secure_enclaves_framework_toolkit';

/** Throws CaissonError RBUILDS_ENCLAVE with the line; after `stop` its reason. */
export async function runEnclaveLine(
  line: string,
  step: EnclaveStep,
  settings: RbuildsSettings,
  world: RbuildsWorld,
): Promise<void> {
  const folder = join(world.folder, EIF_FOLDER);
  const log = (text: string): void => {
    mkdirSync(folder, { recursive: true });
    appendFileSync(join(folder, RUN_LOG), text, { mode: 0o600 });
  };
  const say = (text: string): void => {
    world.say(text);
    log(`${text}\n`);
  };
  try {
    log(`$ ${line}\n`);
    if (world.openEnclaves === undefined) throw new TypeError('this rbuilds was given no way to enclaves');
    await carryOut(step, settings, { ...world, say }, await world.openEnclaves(say));
  } catch (cause) {
    if (world.stop.aborted) throw world.stop.reason;
    const failure = asNitroFailure(cause);
    const message = `${line} failed: ${failure?.message ?? String(cause)}`;
    log(`${message}\n`);
    const hint = failure?.hint === undefined ? {} : { hint: failure.hint };
    throw new CaissonError<RbuildsErrorCode>('RBUILDS_ENCLAVE', message, { cause, ...hint });
  }
}

async function carryOut(
  step: EnclaveStep,
  settings: RbuildsSettings,
  world: RbuildsWorld,
  enclaves: RbuildsEnclaves,
): Promise<void> {
  const { say } = world;
  const print = (value: unknown): void => say(JSON.stringify(value, undefined, 2));
  if (step.do === 'run') {
    const { started, record } = await runEnclave(enclaves, wordsOf(step.debug, settings, world), {
      signal: world.stop,
    });
    print(started);
    if (step.attach) await attach(enclaves, record.name, true, say);
  } else if (step.do === 'list') print(await describeEnclaves(enclaves, { metadata: true }));
  else if (step.do === 'drop-all') print(await terminateEnclaves(enclaves, { by: 'all' }));
  else if (step.do === 'drop') {
    const { facts } = await choose(step.which, enclaves);
    print((await terminateEnclaves(enclaves, { by: 'id', id: facts.EnclaveID }))[0]);
  } else if (step.do === 'attach') await attachTo(await choose(step.which, enclaves), enclaves, true, say);
  else await walk(settings, world, enclaves);
}

/** Given: the reference's walk. Its console is what was printed so far: one that follows would leave the rest of the walk undone. */
async function walk(settings: RbuildsSettings, world: RbuildsWorld, enclaves: RbuildsEnclaves): Promise<void> {
  const { say, ask } = world;
  const steps: readonly (readonly [string, () => Promise<void>])[] = [
    ['run_eif_image_debugmode', () => carryOut({ do: 'run', debug: true, attach: false }, settings, world, enclaves)],
    ['attach_console_to_enclave', async () => attachTo(await choose('named', enclaves), enclaves, false, say)],
    ['list_enclaves', () => carryOut({ do: 'list' }, settings, world, enclaves)],
    ['drop_enclave', () => carryOut({ do: 'drop', which: 'named' }, settings, world, enclaves)],
  ];
  for (const [name, run] of steps) {
    world.stop.throwIfAborted();
    if (settings.yes || (await ask(`run ${name}?`))) await run();
    else say(`${name}: left out`);
  }
}

/** `recent`: the first of the list, as the reference has it. */
async function choose(which: 'named' | 'recent', enclaves: RbuildsEnclaves): Promise<ListedEnclave> {
  const all = await listEnclaves(enclaves);
  if (which === 'named') return findListed(all, { by: 'name', name: RBUILDS_ENCLAVE_NAME });
  const [first] = all;
  if (first !== undefined) return first;
  throw new CaissonError<RbuildsErrorCode>('RBUILDS_ENCLAVE', 'an enclave must run here, got none', {
    hint: 'run_eif_image starts one',
  });
}

async function attachTo(
  { record, facts }: ListedEnclave,
  enclaves: RbuildsEnclaves,
  follow: boolean,
  say: (line: string) => void,
): Promise<void> {
  if (record === undefined) {
    throw new CaissonError<RbuildsErrorCode>(
      'RBUILDS_ENCLAVE',
      `enclave ${facts.EnclaveName ?? facts.EnclaveID} must be one of Caisson, somebody else started it`,
      { hint: `nitro-cli console --enclave-id ${facts.EnclaveID}` },
    );
  }
  await attach(enclaves, record.name, follow, say);
}

/** Whole lines, because each is said and logged as one. */
async function attach(
  enclaves: RbuildsEnclaves,
  name: string,
  follow: boolean,
  say: (line: string) => void,
): Promise<void> {
  let rest = '';
  const write = (text: string): void => {
    const lines = `${rest}${text}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) say(line.replace(/\r$/, ''));
  };
  try {
    await enclaves.attach(name, { follow, write });
  } finally {
    if (rest !== '') say(rest);
  }
}

function wordsOf(debug: boolean, settings: RbuildsSettings, { folder, machineRoot }: RbuildsWorld) {
  const fit = fitMachine(machineRoot);
  const eifPath = imagePathOf(folder);
  return {
    eifPath,
    cid: settings.cid,
    name: RBUILDS_ENCLAVE_NAME,
    debug,
    backend: 'auto' as const,
    cpus: { count: settings.cpus ?? fit.cpus },
    memoryMiB: settings.memoryMiB ?? fit.memoryMiB,
    ...waysOf(eifPath, settings),
  };
}

/** The image's own ways, as far as the options of the run let them through: on the host each has the port that it has inside. */
function waysOf(eifPath: string, { network, reverseNetwork }: RbuildsSettings) {
  const manifest = manifestPathOf(eifPath);
  if ((!network && !reverseNetwork) || !existsSync(manifest)) return {};
  const { ingress, egress } = parseManifest(readFileSync(manifest, 'utf8'), manifest).settings;
  return {
    ingress: ingress.map(({ vsockPort }) => String(vsockPort)),
    egress: network ? egress.map(({ host, port }) => `${host}:${port}`) : [],
  };
}
