// Where an instance may stand, what it boots, and from where it may be reached: looked up before anything is made.
import { type Aws, listAt, textAt } from './aws.ts';
import type { SpotSettings } from './settings.ts';

export interface Subnet {
  readonly id: string;
  readonly vpc: string;
  readonly zone: string;
}

// Given: AWS's public parameter for the newest Amazon Linux 2023.
const imageParameter = '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64';

export async function findAmi(aws: Aws): Promise<string> {
  const id = textAt(await aws('ssm', 'get-parameter', '--name', imageParameter), 'Parameter', 'Value');
  if (id === undefined || !/^ami-[0-9a-f]{8,17}$/.test(id)) throw new Error(`${imageParameter} names no image: ${id}`);
  return id;
}

/** Those that may hold the instance, in the order in which they are tried: the one asked for, else the default subnets of zones that have the type. */
export async function findSubnets(aws: Aws, { subnetId, instanceType }: SpotSettings): Promise<readonly Subnet[]> {
  if (subnetId !== undefined) return readSubnets(await aws('ec2', 'describe-subnets', '--subnet-ids', subnetId));
  const byType = ['--filters', `Name=instance-type,Values=${instanceType}`];
  const offered = await aws(
    'ec2',
    'describe-instance-type-offerings',
    '--location-type',
    'availability-zone',
    ...byType,
  );
  const zones = new Set(listAt(offered, 'InstanceTypeOfferings').map((one) => textAt(one, 'Location')));
  if (zones.size === 0) throw new Error(`no zone of the region has ${instanceType}`);
  const subnets = readSubnets(await aws('ec2', 'describe-subnets', '--filters', 'Name=default-for-az,Values=true'));
  const fit = subnets.filter(({ zone }) => zones.has(zone));
  if (fit.length > 0) return fit;
  throw new Error(
    `no default subnet lies in ${[...zones].join(', ')}; name one with a way to the internet in CAISSON_CI_SUBNET_ID`,
  );
}

function readSubnets(answer: unknown): Subnet[] {
  return listAt(answer, 'Subnets').map((one) => {
    const [id, vpc, zone] = [textAt(one, 'SubnetId'), textAt(one, 'VpcId'), textAt(one, 'AvailabilityZone')];
    if (id === undefined || vpc === undefined || zone === undefined)
      throw new Error('aws described a subnet without id');
    return { id, vpc, zone };
  });
}

// Chosen: an address is 15 characters.
const maxAddressBytes = 64;
const addressMs = 10_000;

/** This machine as the internet sees it, and nobody beside it. */
export async function findOwnNetwork({ sshCidr, addressUrl }: SpotSettings, stop: AbortSignal): Promise<string> {
  if (sshCidr !== undefined) return sshCidr;
  const hint = 'say it in CAISSON_CI_SSH_CIDR';
  let text = '';
  try {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(addressMs)]);
    const response = await fetch(addressUrl, { redirect: 'error', signal });
    for await (const bytes of response.body ?? []) {
      text += Buffer.from(bytes).toString('latin1');
      if (text.length > maxAddressBytes) throw new Error(`it sent more than ${maxAddressBytes} bytes`);
    }
  } catch (error) {
    stop.throwIfAborted();
    throw new Error(`${addressUrl} did not tell this machine's address (${(error as Error).message}); ${hint}`);
  }
  const address = text.trim();
  const isAddress =
    /^[0-9]{1,3}(\.[0-9]{1,3}){3}$/.test(address) && address.split('.').every((part) => Number(part) < 256);
  if (!isAddress) throw new Error(`${addressUrl} sent ${JSON.stringify(address)}, which is no IPv4 address; ${hint}`);
  return `${address}/32`;
}
