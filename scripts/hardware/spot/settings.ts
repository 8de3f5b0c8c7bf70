// What a run on a spot instance was asked for, read and checked whole before anything is paid for.
import { readVariables, VariableError } from '../variable.ts';

export type SpotJob = 'smoke' | 'bench';

export interface SpotSettings {
  readonly job: SpotJob;
  readonly instanceType: string;
  readonly maxPrice: string | undefined;
  readonly subnetId: string | undefined;
  /** Somebody's own: used and never changed. */
  readonly securityGroupId: string | undefined;
  /** Somebody's own key pair. */
  readonly key: { readonly name: string; readonly privateKeyFile: string } | undefined;
  readonly sshCidr: string | undefined;
  readonly runCommand: string;
  /** On the instance, from the shipped folder. */
  readonly fetchPath: string;
  /** Here. */
  readonly artifactDir: string;
  readonly keepInstance: boolean;
  readonly region: string | undefined;
  /** What is shipped; default: packed now. */
  readonly packDir: string | undefined;
  /** After so long the instance ends itself, whatever became of this script. */
  readonly maxMinutes: number;
  readonly pollMs: number;
  /** Where this machine learns its public address. */
  readonly addressUrl: string;
  /** What the command on the instance is told: variables of its own group. */
  readonly passed: Readonly<Record<string, string>>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const scripts: Readonly<Record<SpotJob, string>> = {
  smoke: './scripts/nitro-smoke.sh',
  bench: './scripts/nitro-bench.sh',
};

/** Throws VariableError. */
export function readSpotSettings(job: SpotJob, env: Environment, note: (line: string) => void): SpotSettings {
  const variables = readVariables(env, 'CI', note);
  const matching = (name: string, pattern: RegExp, what: string): string | undefined => {
    const value = variables.text(name);
    if (value === undefined || pattern.test(value)) return value;
    throw new VariableError(`${variables.nameOf(name)} must be ${what}, got ${JSON.stringify(value)}`);
  };
  const keyName = matching('KEY_NAME', /^[\x21-\x7e][\x20-\x7e]{0,254}$/, 'the name of a key pair');
  const privateKeyFile = variables.text('PRIVATE_KEY_FILE');
  if ((keyName === undefined) !== (privateKeyFile === undefined)) {
    throw new VariableError('CAISSON_CI_KEY_NAME and CAISSON_CI_PRIVATE_KEY_FILE must be given together or not at all');
  }
  const region = env['AWS_REGION'] || env['AWS_DEFAULT_REGION'] || undefined;
  if (region !== undefined && !/^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$/.test(region)) {
    throw new VariableError(`AWS_REGION must be the name of a region, got ${JSON.stringify(region)}`);
  }
  // The instance's shell sees it: nothing in it needs a quote.
  const path = /^(?!-)[A-Za-z0-9_./-]{1,255}$/;
  const addressUrl = variables.text('ADDRESS_URL') ?? 'https://checkip.amazonaws.com/';
  if (!URL.canParse(addressUrl)) throw new VariableError(`CAISSON_CI_ADDRESS_URL must be a URL, got ${addressUrl}`);
  return {
    job,
    region,
    addressUrl,
    instanceType: matching('INSTANCE_TYPE', /^[a-z0-9-]{1,20}\.[a-z0-9-]{1,20}$/, 'an instance type') ?? 'c5.xlarge',
    maxPrice: matching('SPOT_MAX_PRICE', /^[0-9]{1,4}(\.[0-9]{1,6})?$/, 'a price in USD an hour'),
    subnetId: matching('SUBNET_ID', /^subnet-[0-9a-f]{8,17}$/, 'the id of a subnet'),
    securityGroupId: matching('SECURITY_GROUP_ID', /^sg-[0-9a-f]{8,17}$/, 'the id of a security group'),
    key: keyName === undefined || privateKeyFile === undefined ? undefined : { name: keyName, privateKeyFile },
    sshCidr: matching('SSH_CIDR', /^[0-9]{1,3}(\.[0-9]{1,3}){3}\/[0-9]{1,2}$/, 'an IPv4 network such as 192.0.2.1/32'),
    runCommand: variables.text('RUN_COMMAND') ?? scripts[job],
    fetchPath:
      matching('FETCH_PATH', path, 'a plain path') ?? (job === 'bench' ? 'benchmark-results' : 'smoke-results'),
    artifactDir: variables.text('ARTIFACT_DIR') ?? `artifacts/nitro-${job}`,
    keepInstance: variables.flag('KEEP_INSTANCE'),
    packDir: variables.text('PACK_DIR'),
    maxMinutes: variables.integer('MAX_MINUTES', 60, 5, 720),
    pollMs: variables.durationMs('POLL', 5_000, 60_000),
    passed: passedVariables(job, env),
  };
}

// What is said here about the smoke or the bench holds there.
function passedVariables(job: SpotJob, env: Environment): Readonly<Record<string, string>> {
  const own = new RegExp(`^(CAISSON|ARGONAUT)_${job.toUpperCase()}_[A-Z_]+$`);
  const passed = Object.entries(env).filter(([name, value]) => own.test(name) && value !== undefined);
  return Object.fromEntries(passed) as Record<string, string>;
}
