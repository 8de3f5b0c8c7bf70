// make_nitro: what a parent needs to run enclaves. It changes a machine, so it asks first, does it on Amazon Linux only, where the packages
// are, and says elsewhere what it would have done. The reservation of memory needs a boot, which is left to the person.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import { type CaissonError, PolicyError } from '@caisson/core/errors';
import { replaceFile } from '../file/index.ts';
import { mergeAllocator } from './allocator.ts';
import type { RbuildsErrorCode } from './error-code.ts';
import { ALLOCATOR_FILE, fitMachine, OS_RELEASE_FILE, readMachine, readMachineFile } from './machine.ts';
import { runProgram } from './run-program.ts';
import type { RbuildsSettings } from './settings.ts';
import type { RbuildsWorld, Stage } from './world.ts';

// Chosen: what the parent itself needs.
const parentMiB = 256;

// Given: AWS's own instructions for each release.
const releases: Readonly<Record<string, readonly (readonly string[])[]>> = {
  2023: [['dnf', 'install', '--assumeyes', 'docker', 'aws-nitro-enclaves-cli', 'aws-nitro-enclaves-cli-devel']],
  2: [
    ['amazon-linux-extras', 'install', '-y', 'aws-nitro-enclaves-cli'],
    ['yum', 'install', '--assumeyes', 'docker', 'aws-nitro-enclaves-cli-devel'],
  ],
};
const awsCli: Readonly<Record<string, readonly string[]>> = {
  2023: ['dnf', 'install', '--assumeyes', 'awscli-2'],
  2: ['yum', 'install', '--assumeyes', 'awscli'],
};
const services = ['nitro-enclaves-allocator.service', 'docker.service'];
const rebootLine = 'sudo systemctl reboot';

/** Throws CaissonError RBUILDS_MACHINE, RBUILDS_PROGRAM. */
export const makeNitro: Stage = async (settings, world) => {
  const { machineRoot = '/', say, ask } = world;
  const { name, release } = readDistribution(machineRoot);
  const isDry = release === undefined;
  const text = readMachineFile(machineRoot, ALLOCATOR_FILE) ?? null;
  if (text === null && existsSync(join(machineRoot, ALLOCATOR_FILE))) {
    throw fault(`/${ALLOCATOR_FILE} must be a file that can be read`);
  }
  const wanted = mergeAllocator(text, wishOf(settings, machineRoot));
  const steps = planSteps(release ?? '2023', world);
  say(isDry ? `dry run: this is ${name}, and the packages are Amazon Linux 2023's and 2's` : `this is ${name}`);
  for (const step of steps) say(`  ${step.join(' ')}`);
  say(`  /${ALLOCATOR_FILE}: ${wanted === text ? 'stays as it is' : text === null ? 'is made' : 'is merged'}`);
  for (const line of changedLines(text ?? '', wanted)) say(`    ${line}`);
  if (isDry) return;
  if ((world.uid ?? process.getuid?.()) !== 0) {
    throw fault('make_nitro changes the machine and must run as root', 'sudo rbuilds --cmd make_nitro');
  }
  if (!settings.yes && !(await ask('do this now?'))) {
    say('nothing was done');
    return;
  }
  const [installs, rest] = [steps.filter(isInstall), steps.filter((step) => !isInstall(step))];
  for (const [program = '', ...words] of installs) await runProgram(program, words, world);
  // The package brings a file of its own: what is there now counts.
  await writeAllocator(settings, machineRoot);
  for (const [program = '', ...words] of rest) await runProgram(program, words, world);
  say(`reboot to set the memory aside and to take part in the groups: ${rebootLine}`);
};

const isInstall = (step: readonly string[]): boolean => step.includes('install');

function planSteps(release: string, { env }: RbuildsWorld): (readonly string[])[] {
  const hasAws = (env['PATH'] ?? '').split(':').some((folder) => folder !== '' && existsSync(join(folder, 'aws')));
  const user = env['SUDO_USER'];
  return [
    ...releases[release]!,
    ...(hasAws ? [] : [awsCli[release]!]),
    ...(user === undefined || user === 'root' ? [] : [['usermod', '--append', '--groups', 'docker,ne', user]]),
    ['systemctl', 'enable', ...services],
  ];
}

async function writeAllocator(settings: RbuildsSettings, root: string): Promise<void> {
  const path = join(root, ALLOCATOR_FILE);
  const text = readMachineFile(root, ALLOCATOR_FILE) ?? null;
  const wanted = mergeAllocator(text, wishOf(settings, root));
  if (wanted === text) return;
  await mkdir(dirname(path), { recursive: true });
  await replaceFile(path, (file) => file.writeFile(wanted));
}

/** Throws PolicyError RBUILDS_MACHINE for more than the machine has. */
function wishOf({ memoryMiB, cpus }: RbuildsSettings, root: string) {
  const { totalMiB, processors } = readMachine(root);
  const fit = fitMachine(root);
  const most = totalMiB - parentMiB;
  if (memoryMiB !== null && memoryMiB > most)
    throw fault(`--memory must leave the parent ${parentMiB} MiB: at most ${most}, got ${memoryMiB}`);
  if (cpus !== null && cpus >= processors)
    throw fault(`--cpus must leave the parent one of ${processors}, got ${cpus}`);
  return {
    memoryMiB: memoryMiB ?? fit.memoryMiB,
    cpus: cpus ?? fit.cpus,
    isMemoryAsked: memoryMiB !== null,
    isCpusAsked: cpus !== null,
  };
}

/** os-release(5). */
function readDistribution(root: string): { name: string; release: string | undefined } {
  const { ID = '', VERSION_ID = '', PRETTY_NAME } = parseEnv(readMachineFile(root, OS_RELEASE_FILE) ?? '');
  const release = ID === 'amzn' && Object.hasOwn(releases, VERSION_ID) ? VERSION_ID : undefined;
  return { name: PRETTY_NAME ?? (`${ID} ${VERSION_ID}`.trim() || 'an unknown system'), release };
}

function changedLines(before: string, after: string): string[] {
  const old = new Set(before.split('\n'));
  return before === after
    ? []
    : after.split('\n').filter((line) => /^(?:memory_mib|cpu_count):/.test(line) && !old.has(line));
}

function fault(message: string, hint?: string): CaissonError<RbuildsErrorCode> {
  return new PolicyError('RBUILDS_MACHINE', message, hint === undefined ? {} : { hint });
}
