// Makes what one run needs in the account, in an order in which nothing costs anything before everything has been looked up. Each part is noted as asked
// for before it is asked for, so that whoever cleans up knows of it whatever happens in between.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runChild } from '../child.ts';
import { type Aws, AwsError, textAt } from './aws.ts';
import type { Made } from './cleanup.ts';
import { type InstancePlan, launchInstance, SPOT_ROOM, untilRunning } from './instance.ts';
import { createRunKeys, type RunKeys, writeUserData } from './key.ts';
import { findPackFolder } from './pack-folder.ts';
import { findAmi, findOwnNetwork, findSubnets, type Subnet } from './place.ts';
import type { RunId } from './run-id.ts';
import type { SpotSettings } from './settings.ts';

export interface SpotTerms {
  readonly settings: SpotSettings;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the checkout or the packed folder that this script is part of. */
  readonly home: string;
  readonly stop: AbortSignal;
  readonly say: (line: string) => void;
}

export interface Making extends SpotTerms {
  readonly run: RunId;
  readonly aws: Aws;
  /** This run's own, on this machine. */
  readonly folder: string;
  readonly made: Made;
}

export interface MadeInstance {
  readonly id: string;
  readonly address: string;
  readonly keys: RunKeys;
  /** The packed folder, to be sent. */
  readonly archive: string;
}

export async function makeInstance(making: Making): Promise<MadeInstance> {
  const { settings, env, stop, say, run, aws, folder, made } = making;
  const pack = await findPackFolder({ home: making.home, asked: settings.packDir, env, stop });
  say(`packed ${pack}`);
  const account = textAt(await aws('sts', 'get-caller-identity'), 'Account');
  const ami = await findAmi(aws);
  const subnets = await findSubnets(aws, settings);
  const network = await findOwnNetwork(settings, stop);
  say(`account ${account}, ${ami}, ${settings.instanceType}, ssh from ${network}, run ${run.name}`);
  const keys = await createRunKeys(folder, run.name, settings, env);
  const userDataFile = join(folder, 'user-data');
  const maxMinutes = settings.keepInstance ? undefined : settings.maxMinutes;
  writeFileSync(userDataFile, writeUserData(keys, maxMinutes), { mode: 0o600 });
  const archive = await makeArchive(pack, making);

  stop.throwIfAborted();
  if (keys.publicKeyFile !== undefined) {
    made.keyPair = true;
    const material = ['--public-key-material', `fileb://${keys.publicKeyFile}`];
    await aws(
      'ec2',
      'import-key-pair',
      '--key-name',
      run.name,
      ...material,
      '--tag-specifications',
      run.tags('key-pair'),
    );
    stop.throwIfAborted();
  }
  const first = subnets[0];
  if (first === undefined) throw new Error('aws described no subnet to start in');
  const groupId = settings.securityGroupId ?? (await makeGroup(making, first, network));
  const plan = { ami, userDataFile, groupId, keyName: settings.key?.name ?? run.name };
  // A group belongs to a network: only subnets of that one can be tried with it.
  const fit = subnets.filter(({ vpc }) => vpc === first.vpc);
  const id = await launchWhereRoom(making, fit, plan);
  say(`instance ${id} is there; waiting until it runs`);
  const address = await untilRunning(aws, id, settings.pollMs, stop);
  say(`instance ${id} runs at ${address}`);
  return { id, address, keys, archive };
}

// Chosen: packing the runtime for the first time fetches a few packages.
const packMs = 600_000;

async function makeArchive(pack: string, { folder, env, stop }: Making): Promise<string> {
  const added = join(folder, 'added');
  mkdirSync(join(added, 'lib'), { recursive: true });
  const run = async (words: readonly string[], cwd: string): Promise<void> => {
    const { code, stderr } = await runChild(words, { env, stop, cwd, deadlineMs: packMs });
    if (code !== 0) throw new Error(`${words.slice(0, 3).join(' ')} ended with ${code}: ${stderr.trim()}`);
  };
  // What images are made of besides; the instance would have to fetch it from Debian's mirror.
  await run([join(pack, 'bin/caisson'), 'runtime', 'pack', '--arch', 'x86_64'], join(added, 'lib'));
  const archive = join(folder, 'caisson.tar.gz');
  await run(['tar', '-czf', archive, '-C', pack, '.', '-C', added, './lib'], folder);
  return archive;
}

async function makeGroup({ aws, run, made, stop }: Making, { vpc }: Subnet, network: string): Promise<string> {
  made.group = 'asked';
  const about = ['--group-name', run.name, '--description', 'ssh for one run of Caisson on Nitro', '--vpc-id', vpc];
  const tags = ['--tag-specifications', run.tags('security-group')];
  const group = textAt(await aws('ec2', 'create-security-group', ...about, ...tags), 'GroupId');
  if (group === undefined) throw new Error('aws ec2 create-security-group told no group');
  made.group = { id: group };
  stop.throwIfAborted();
  const rule = ['--group-id', group, '--protocol', 'tcp', '--port', '22', '--cidr', network];
  await aws('ec2', 'authorize-security-group-ingress', ...rule);
  stop.throwIfAborted();
  return group;
}

async function launchWhereRoom(making: Making, subnets: readonly Subnet[], plan: InstancePlan): Promise<string> {
  const { settings, say, stop, run, aws, made } = making;
  for (const [at, subnet] of subnets.entries()) {
    stop.throwIfAborted();
    made.instance = 'asked';
    try {
      const id = await launchInstance(aws, run, subnet, plan, settings);
      made.instance = { id };
      return id;
    } catch (error) {
      const isFull = error instanceof AwsError && error.code !== undefined && SPOT_ROOM.includes(error.code);
      if (!isFull || at === subnets.length - 1) throw error;
      say(`${subnet.zone} has no room (${error.code}); trying the next zone`);
    }
  }
  throw new Error('aws described no subnet to start in');
}
