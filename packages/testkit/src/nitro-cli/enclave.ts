// What the fake nitro-cli leaves behind for an enclave that is simulated: the process that keeps it, as nitro-cli has one. Its words are the folder of the
// fake, the id and what run-enclave was asked for; it says on its standard output how the boot went, one line of JSON.
import {
  appendFileSync,
  closeSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmdirSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { hostPort, toCid } from '@caisson/core/address';
import { openRunFolder } from '@caisson/host/backend';
import { createSimBackend } from '@caisson/host/backend-sim';
import type { AskedEnclave, KeptAnswer } from './simulation.ts';

const [folder = '', id = '', text = '{}'] = process.argv.slice(2);
const asked = JSON.parse(text) as AskedEnclave;
const { image, cid, memoryMiB, cpuCount, debug, bootMs, shown, file } = asked;
const state = join(folder, 'sim');
const say = (answer: KeptAnswer): void => {
  try {
    writeSync(1, `${JSON.stringify(answer)}\n`);
  } catch {
    // nitro-cli was ended meanwhile, and the enclave goes on.
  }
  closeSync(1);
};

// The parent listens for this enclave already, as on hardware; a simulation sweeps its ports before it starts. A socket that has another name meanwhile
// goes on listening.
const { path, fabric } = await openRunFolder(state);
const [here, aside] = [join(fabric, '3'), join(path, `aside-${cid}`)];
mkdirSync(aside);
const first = hostPort(toCid(cid), 0);
const ports = readdirSync(here).filter((name) => Number(name) >= first && Number(name) < first + 256);
for (const port of ports) renameSync(join(here, port), join(aside, port));
const putBack = (): void => {
  for (const port of readdirSync(aside)) renameSync(join(aside, port), join(here, port));
  rmdirSync(aside);
};

try {
  const running = await createSimBackend({ state }).start({
    name: 'kept',
    image,
    cid,
    memoryMiB,
    debug,
    bootMs,
    cpus: { count: Math.min(cpuCount, availableParallelism()) },
    onPlace: async () => putBack(),
  });
  if (debug) {
    const console = join(folder, 'consoles', id);
    mkdirSync(join(folder, 'consoles'), { recursive: true });
    writeFileSync(console, running.console.bytes);
    running.console.listen((piece) => appendFileSync(console, piece));
  }
  process.on('SIGTERM', () => void running.kill());
  const { pid } = process;
  const { measurements } = running;
  const Measurements = { HashAlgorithm: 'Sha384 { ... }', ...measurements };
  // Somebody may be looking.
  writeFileSync(join(folder, `${pid}.new`), JSON.stringify({ Measurements, ...shown, ProcessID: pid }));
  renameSync(join(folder, `${pid}.new`), file);
  say({ pid, measurements });
  await running.ended;
  process.exit(0);
} catch (error) {
  const { code = 'unknown', message } = error as Error & { code?: string };
  say({ code, message });
  process.exit(1);
}
