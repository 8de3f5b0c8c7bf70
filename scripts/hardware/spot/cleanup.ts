// Removes what a run has made in the account, by what AWS says there is under the run's name, and not by what this script was told: an answer can be
// lost, and the deed is done all the same. Each part is tried whatever becomes of the others; what is left is named with the command that removes it.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Aws, AwsError, listAt, textAt } from './aws.ts';
import { describeInstances, findInstances } from './instance.ts';
import type { RunId } from './run-id.ts';

/** What this run has asked AWS to make, answered or not. */
export interface Made {
  keyPair: boolean;
  /** Its id where AWS has told it. */
  group: 'no' | 'asked' | { readonly id: string };
  instance: 'no' | 'asked' | { readonly id: string };
}

export interface Removal {
  readonly what: string;
  /** For a person's shell. */
  readonly command: string;
}

export interface CleanupOptions {
  readonly aws: Aws;
  readonly run: RunId;
  readonly made: Made;
  readonly pollMs: number;
  readonly say: (line: string) => void;
}

// Chosen: an instance ends within one to three minutes.
const goneMs = 600_000;
const attempts = 5;
// After an answer that was lost AWS may not list yet what it has made.
const looksAfterSilence = 4;

/** In the order in which they can be removed. */
export function howToRemove({ name, filter }: RunId, made: Made): readonly Removal[] {
  const find = (verb: string, query: string): string =>
    `$(aws ec2 ${verb} --filters '${filter}' --query '${query}' --output text)`;
  const instances = find('describe-instances', 'Reservations[].Instances[].InstanceId');
  const groups = find('describe-security-groups', 'SecurityGroups[].GroupId');
  const all: readonly (Removal & { readonly there: boolean })[] = [
    {
      there: made.instance !== 'no',
      what: 'the instance',
      command: `aws ec2 terminate-instances --instance-ids ${instances}`,
    },
    {
      there: made.group !== 'no',
      what: 'the security group',
      command: `aws ec2 delete-security-group --group-id ${groups}`,
    },
    { there: made.keyPair, what: 'the key pair', command: `aws ec2 delete-key-pair --key-name ${name}` },
  ];
  return all.filter(({ there }) => there);
}

/** Resolves with what could not be removed, and why. */
export async function removeAll(options: CleanupOptions): Promise<readonly (Removal & { readonly fault: string })[]> {
  const { aws, run, made, pollMs } = options;
  const work: Readonly<Record<string, () => Promise<void>>> = {
    'the instance': () => endInstances(options),
    'the security group': () => deleteGroups(options),
    'the key pair': async () => void (await aws('ec2', 'delete-key-pair', '--key-name', run.name)),
  };
  const left: (Removal & { readonly fault: string })[] = [];
  for (const removal of howToRemove(run, made)) {
    try {
      await patiently(work[removal.what]!, pollMs);
    } catch (error) {
      left.push({ ...removal, fault: (error as Error).message });
    }
  }
  return left;
}

async function endInstances(options: CleanupOptions): Promise<void> {
  const { aws, made, pollMs, say } = options;
  const ids = typeof made.instance === 'object' ? [made.instance.id] : await findUnanswered(options);
  if (ids.length === 0) return;
  say(`ending ${ids.join(', ')}`);
  await aws('ec2', 'terminate-instances', '--instance-ids', ...ids);
  const end = performance.now() + goneMs;
  while ((await describeInstances(aws, ids)).some(({ state }) => state !== 'terminated')) {
    if (performance.now() > end) throw new Error(`${ids.join(', ')} not gone after ${goneMs / 1_000} s`);
    await sleep(pollMs);
  }
}

// By its tag: the answer with the id was lost, or never came.
async function findUnanswered({ aws, run, pollMs }: CleanupOptions): Promise<readonly string[]> {
  for (let look = 0; look < looksAfterSilence; look += 1) {
    if (look > 0) await sleep(pollMs);
    const found = await findInstances(aws, run);
    if (found.length > 0) return found.map(({ id }) => id);
  }
  return [];
}

// By its id where AWS has told it, and by its tag: neither the answer nor the list has to have come.
async function deleteGroups({ aws, run, made, pollMs }: CleanupOptions): Promise<void> {
  const ids = new Set(typeof made.group === 'object' ? [made.group.id] : []);
  for (let look = 0; look === 0 || (ids.size === 0 && look < looksAfterSilence); look += 1) {
    if (look > 0) await sleep(pollMs);
    const found = listAt(await aws('ec2', 'describe-security-groups', '--filters', run.filter), 'SecurityGroups');
    for (const group of found) ids.add(textAt(group, 'GroupId') ?? '');
  }
  for (const id of ids) {
    await aws('ec2', 'delete-security-group', '--group-id', id).catch((error: unknown) => {
      if (!(error instanceof AwsError && error.code === 'InvalidGroup.NotFound')) throw error;
    });
  }
}

// A group is held for a moment by the instance that has just ended, and AWS may be busy: neither is a reason to leave anything behind.
async function patiently(work: () => Promise<void>, pollMs: number): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof AwsError) || attempt === attempts) throw error;
      await sleep(pollMs * attempt);
    }
  }
}
