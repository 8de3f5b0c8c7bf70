// The one instance: asked for once, in the first zone that has room for it, and looked at until it runs.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Aws, AwsError, listAt, textAt } from './aws.ts';
import type { Subnet } from './place.ts';
import type { RunId } from './run-id.ts';
import type { SpotSettings } from './settings.ts';

export interface InstancePlan {
  readonly ami: string;
  readonly keyName: string;
  readonly groupId: string;
  readonly userDataFile: string;
}

export interface InstanceState {
  readonly id: string;
  /** AWS's word: pending, running, shutting-down, terminated, stopping, stopped. */
  readonly state: string;
  readonly address: string | undefined;
  readonly reason: string | undefined;
}

/** Resolves with its id. Rejects AwsError; `SPOT_ROOM` says which of its codes mean that another zone may have room. */
export async function launchInstance(
  aws: Aws,
  run: RunId,
  subnet: Subnet,
  plan: InstancePlan,
  settings: SpotSettings,
): Promise<string> {
  const price = settings.maxPrice === undefined ? '' : `,MaxPrice=${settings.maxPrice}`;
  const spot = `SpotOptions={SpotInstanceType=one-time,InstanceInterruptionBehavior=terminate${price}}`;
  const answer = await aws(
    'ec2',
    'run-instances',
    ...['--image-id', plan.ami, '--instance-type', settings.instanceType],
    ...['--count', '1', '--enclave-options', 'Enabled=true', '--instance-market-options', `MarketType=spot,${spot}`],
    ...['--key-name', plan.keyName, '--security-group-ids', plan.groupId, '--subnet-id', subnet.id],
    ...['--associate-public-ip-address', '--user-data', `file://${plan.userDataFile}`],
    // With its own end, from inside, goes the instance itself. Nothing but the instance reads its user data: no hop further, and only with a token.
    ...['--instance-initiated-shutdown-behavior', 'terminate'],
    ...['--metadata-options', 'HttpTokens=required,HttpPutResponseHopLimit=1'],
    // AWS makes one instance for one token, also when it is asked again after an answer that was lost.
    ...['--client-token', `${run.name}-${subnet.id}`],
    ...['--tag-specifications', run.tags('instance'), run.tags('volume')],
  );
  const id = textAt(answer, 'Instances', 0, 'InstanceId');
  if (id === undefined) throw new AwsError('aws ec2 run-instances told no instance', undefined, true);
  return id;
}

// Given: AWS's codes for a zone, not for a request.
export const SPOT_ROOM: readonly string[] = ['InsufficientInstanceCapacity', 'Unsupported', 'SpotMaxPriceTooLow'];

/** Those of this run that are not gone. */
export async function findInstances(aws: Aws, run: RunId): Promise<readonly InstanceState[]> {
  const living = 'Name=instance-state-name,Values=pending,running,shutting-down,stopping,stopped';
  return readInstances(await aws('ec2', 'describe-instances', '--filters', run.filter, living));
}

function readInstances(answer: unknown): InstanceState[] {
  return listAt(answer, 'Reservations').flatMap((one) =>
    listAt(one, 'Instances').map((instance) => ({
      id: textAt(instance, 'InstanceId') ?? '',
      state: textAt(instance, 'State', 'Name') ?? 'unknown',
      address: textAt(instance, 'PublicIpAddress'),
      reason: textAt(instance, 'StateReason', 'Message'),
    })),
  );
}

// Chosen: a spot instance runs within a minute or not at all.
const runningMs = 300_000;

/** Resolves with its public address. */
export async function untilRunning(aws: Aws, id: string, pollMs: number, stop: AbortSignal): Promise<string> {
  const end = performance.now() + runningMs;
  for (;;) {
    const one = await look(aws, id, end);
    if (one?.state === 'running' && one.address !== undefined) return one.address;
    if (one?.state === 'running') throw new Error(`${id} has no public address; its subnet gives out none`);
    if (one !== undefined && one.state !== 'pending') {
      throw new Error(`${id} is ${one.state}: ${one.reason ?? 'no reason was given'}`);
    }
    if (performance.now() > end) throw new Error(`${id} does not run after ${runningMs / 1_000} s`);
    await sleep(pollMs, undefined, { signal: stop });
  }
}

// One look of many: an answer that was lost is no reason to give up what is paid for.
async function look(aws: Aws, id: string, end: number): Promise<InstanceState | undefined> {
  try {
    return (await describeInstances(aws, [id]))[0];
  } catch (error) {
    if (error instanceof AwsError && error.unanswered && performance.now() < end) return undefined;
    throw error;
  }
}

/** Empty where AWS does not know them: for a few seconds after it has made them, and an hour after they have gone. */
export async function describeInstances(aws: Aws, ids: readonly string[]): Promise<readonly InstanceState[]> {
  try {
    return readInstances(await aws('ec2', 'describe-instances', '--instance-ids', ...ids));
  } catch (error) {
    if (error instanceof AwsError && error.code === 'InvalidInstanceID.NotFound') return [];
    throw error;
  }
}

/** Undefined where it runs, or where AWS does not tell. */
export async function whyGone(aws: Aws, id: string): Promise<string | undefined> {
  const [one] = await describeInstances(aws, [id]).catch(() => []);
  return one === undefined || one.state === 'running'
    ? undefined
    : `${one.state}, ${one.reason ?? 'no reason was given'}`;
}
