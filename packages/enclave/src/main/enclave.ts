// argonaut's enclave side: the config from standard input, judged; loopback up; the hosts block; then bridges for as long as the
// enclave lives. Nothing of the config takes effect before all of it has been judged.

import type { Readable } from 'node:stream';
import { MAX_CONFIG_BYTES, parseArgonautConfig } from '@caisson/core/config';
import { parseArgonautKnobs, readBoundedFile, readBoundedStream, type Say, serveBridges } from '@caisson/link/argonaut';
import type { BridgeSet } from '@caisson/link/bridge';
import type { Transport } from '@caisson/link/transport';
import type { Kernel } from '@caisson/sys';
import {
  type EgressPolicy,
  MAX_POLICY_BYTES,
  parseEgressPolicy,
  planEnclaveBridges,
  verifyEgress,
  writeHostsBlock,
} from '../egress/index.ts';

export interface EnclaveOptions {
  /** Default /etc/hosts. */
  readonly hostsFile?: string | undefined;
  /** A measured list of allowed endpoints; absent: the config alone decides. */
  readonly policyFile?: string | undefined;
}

export interface EnclaveWorld {
  readonly stdin: Readable;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly kernel: Kernel;
  readonly transport: Transport;
  readonly say: Say;
  readonly stop: AbortSignal;
  readonly onOpen?: (bridges: BridgeSet) => void;
}

/** Resolves when it was stopped; rejects with the reason of `stop` before it serves. Throws what its steps throw. */
export async function runEnclave(
  { hostsFile = '/etc/hosts', policyFile }: EnclaveOptions,
  world: EnclaveWorld,
): Promise<void> {
  const { env, kernel, transport, say, stop, onOpen = () => {} } = world;
  const policy = policyFile === undefined ? undefined : await readPolicy(policyFile);
  const bytes = await readBoundedStream(
    world.stdin,
    { maxBytes: MAX_CONFIG_BYTES, what: 'config on standard input' },
    stop,
  );
  const config = parseArgonautConfig(bytes, 'enclave');
  if (policy !== undefined) verifyEgress(config.endpoints, policy);
  const { knobs, complaints } = parseArgonautKnobs(env);
  for (const message of complaints) say({ level: 'warn', code: 'KNOB_INVALID', message });

  await bringUpLoopback(kernel);
  const entries = config.endpoints.map(({ host, localIp }) => ({ address: localIp, host }));
  await writeHostsBlock(hostsFile, entries);
  const planned = planEnclaveBridges(config, knobs);
  await serveBridges({ planned, knobs, transport, kernel, say, stop, readyLine: '[traffic] ready', onOpen });
}

async function readPolicy(path: string): Promise<EgressPolicy> {
  return parseEgressPolicy(await readBoundedFile(path, { maxBytes: MAX_POLICY_BYTES, what: `egress policy ${path}` }));
}

/** Without the addon nobody can raise `lo`; where it cannot be raised the listeners say so, by address. */
async function bringUpLoopback(kernel: Kernel): Promise<void> {
  if (kernel.hasAddon) await kernel.bringUpLoopback();
}
