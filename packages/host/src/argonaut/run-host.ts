// argonaut's parent side: judge the operator's file, hand its bytes unchanged to the enclave, then carry traffic both ways.
import type { Cid } from '@caisson/core/address';
import { formatDuration, MAX_CONFIG_BYTES, parseArgonautConfig } from '@caisson/core/config';
import { LimitError } from '@caisson/core/errors';
import { parseArgonautKnobs, readBoundedFile, type Say, serveBridges } from '@caisson/link/argonaut';
import type { BridgeSet } from '@caisson/link/bridge';
import { type ConfigForm, FRAMED_CONFIG_PORT, RAW_CONFIG_PORT } from '@caisson/link/config';
import type { Transport } from '@caisson/link/transport';
import type { Kernel } from '@caisson/sys';
import { sendBootConfig } from '../boot-config/index.ts';
import type { HostArgonautErrorCode } from './error-code.ts';
import { planHostBridges } from './plan.ts';

export interface RunHostOptions {
  readonly cid: Cid;
  readonly configFile: string;
  /** How long the enclave may take to open its config port. Default 30,000. */
  readonly configTimeoutMs?: number;
  /** Default: framed where the enclave offers it, else raw. */
  readonly configForm?: ConfigForm | undefined;
  /** Let endpoints reach services that hand out this machine's credentials. Default false. */
  readonly allowMetadata?: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly transport: Transport;
  readonly kernel: Kernel;
  readonly say: Say;
  readonly stop: AbortSignal;
  readonly onOpen?: (bridges: BridgeSet) => void;
}

// Given: argonaut.
const defaultConfigTimeoutMs = 30_000;

/**
 * Resolves when it was stopped after serving; rejects with the reason of `stop` before that. Throws the config's faults,
 * what delivery and bridges throw, and LimitError HOST_CONFIG_PORT when nobody took the config in time.
 */
export async function runHost(options: RunHostOptions): Promise<void> {
  const { configFile, allowMetadata = false, env, say, stop } = options;
  const bytes = await readBoundedFile(configFile, { maxBytes: MAX_CONFIG_BYTES, what: `config file ${configFile}` });
  const config = parseArgonautConfig(bytes, 'host', { allowMetadata });
  const { knobs, complaints } = parseArgonautKnobs(env);
  for (const message of complaints) say({ level: 'warn', code: 'KNOB_INVALID', message });
  for (const message of config.warnings) say({ level: 'warn', code: 'CONFIG_WARNING', message: `[host] ${message}` });
  await deliver(bytes, options);
  const planned = planHostBridges({ cid: options.cid, config, knobs, allowMetadata });
  const { transport, kernel, onOpen = () => {} } = options;
  await serveBridges({ planned, knobs, transport, kernel, say, stop, readyLine: '[host] all bridges started', onOpen });
}

async function deliver(bytes: Uint8Array, options: RunHostOptions): Promise<void> {
  const { cid, transport, say, stop, configForm, configTimeoutMs = defaultConfigTimeoutMs } = options;
  const configPort = configForm === 'framed' ? FRAMED_CONFIG_PORT : RAW_CONFIG_PORT;
  const place = `CID ${cid} via VSOCK:${configPort}`;
  const limit = formatDuration(configTimeoutMs);
  try {
    await sendBootConfig({
      transport,
      cid,
      bytes,
      say,
      timeoutMs: configTimeoutMs,
      retry: true,
      ...(configForm === undefined ? {} : { form: configForm }),
      onWaiting() {
        const message = `[host] waiting up to ${limit} for ${place} to take the config`;
        say({ level: 'info', code: 'CONFIG_WAITING', message, fields: { cid, port: configPort } });
      },
      signal: stop,
    });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ETIMEDOUT') throw cause;
    throw new LimitError<HostArgonautErrorCode>(
      'HOST_CONFIG_PORT',
      `${place} did not take the config within ${limit}`,
      {
        cause,
        hint: 'the enclave opens its config port when it is ready for its config; is it up, and is this its CID?',
      },
    );
  }
}
