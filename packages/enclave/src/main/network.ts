// `caisson-enclave network`: the built-in network.service. It reads what the image measures and the config that the supervisor took, writes
// the hosts block, opens every bridge, and then tells the supervisor: before the last listener stands it is not ready, and when one of them
// ends, it ends.
import { existsSync } from 'node:fs';
import { MAX_CONFIG_BYTES } from '@caisson/core/config';
import { MAX_MEASURED_IMAGE_BYTES, parseMeasuredImage } from '@caisson/core/measured';
import { parseArgonautKnobs, readBoundedFile, type Say, serveBridges } from '@caisson/link/argonaut';
import type { BridgeSet } from '@caisson/link/bridge';
import type { Transport } from '@caisson/link/transport';
import type { Kernel } from '@caisson/sys';
import { writeHostsBlock } from '../egress/index.ts';
import { type ConfigNetwork, planNetwork, readConfigNetwork } from '../network/index.ts';

export interface NetworkOptions {
  /** Default /etc/caisson/image.json. */
  readonly imageFile?: string | undefined;
  /** Default /run/caisson/config.json, which is not there when the enclave booted without a config. */
  readonly configFile?: string | undefined;
  /** Default /etc/hosts. */
  readonly hostsFile?: string | undefined;
}

export interface NetworkWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly kernel: Kernel;
  readonly transport: Transport;
  readonly say: Say;
  readonly stop: AbortSignal;
  readonly onOpen?: (bridges: BridgeSet) => void;
}

/** Resolves when it was stopped. Throws what its steps throw; nothing has been written or opened when a file or the plan is at fault. */
export async function runNetwork(options: NetworkOptions, world: NetworkWorld): Promise<void> {
  const { imageFile = '/etc/caisson/image.json', hostsFile = '/etc/hosts' } = options;
  const { env, kernel, transport, say, stop } = world;
  const imageBytes = await readBoundedFile(imageFile, {
    maxBytes: MAX_MEASURED_IMAGE_BYTES,
    what: `measured file ${imageFile}`,
  });
  const config = await readConfig(options.configFile ?? '/run/caisson/config.json');
  const { knobs, complaints } = parseArgonautKnobs(env);
  for (const message of complaints) say({ level: 'warn', code: 'KNOB_INVALID', message });
  const image = parseMeasuredImage(imageBytes);
  const { bridges, hosts } = planNetwork({ image, config, cid: transport.localCid, knobs });
  await writeHostsBlock(hostsFile, hosts);
  await serveBridges({
    planned: bridges,
    knobs,
    transport,
    kernel,
    say,
    stop,
    readyLine: '[traffic] ready',
    onOpen(set) {
      notifyReady(world, bridges.length);
      world.onOpen?.(set);
    },
  });
}

async function readConfig(path: string): Promise<ConfigNetwork | null> {
  if (!existsSync(path)) return null;
  return readConfigNetwork(await readBoundedFile(path, { maxBytes: MAX_CONFIG_BYTES, what: `boot config ${path}` }));
}

/** systemd's notify protocol, sd_notify(3). Without NOTIFY_SOCKET nobody asked; with it, a line that cannot be sent is a failure. */
function notifyReady({ env, kernel }: NetworkWorld, count: number): void {
  const path = env['NOTIFY_SOCKET'] ?? '';
  if (path !== '') kernel.sendDatagram(path, `STATUS=${count} bridges are open\nREADY=1`);
}
