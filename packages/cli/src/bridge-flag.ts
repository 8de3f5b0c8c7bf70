// The flags that every bridging command has, and what they mean.
import { CaissonError } from '@caisson/core/errors';
import type { BridgeRule } from '@caisson/link/bridge';
import type { Command } from 'commander';
import { UsageError } from './exit-code.ts';

export interface BridgeFlags {
  readonly maxConnections?: string;
  readonly idleTimeout?: string;
  readonly dialTimeout?: string;
  readonly peerCid?: string;
  readonly allowMetadata?: boolean;
  readonly retryRefused?: boolean;
  readonly json?: boolean;
}

export function withBridgeFlags(command: Command): Command {
  return command
    .option('--max-connections <n>', 'connections at once per listener; one more is reset (default: 1024)')
    .option('--idle-timeout <duration>', 'end a connection that moves nothing either way; 0 = never (default: 5m)')
    .option('--dial-timeout <duration>', 'for reaching the far side, all addresses of a name together (default: 30s)')
    .option('--peer-cid <cid>', 'serve only this peer on a vsock listener')
    .option('--retry-refused', 'keep trying a refused vsock or unix far side until the dial time-out')
    .option('--allow-metadata', 'let the far side be a metadata or credentials service')
    .option('--json', 'log lines as JSON on stderr, one JSON document on stdout at the end');
}

/** What applies to rules that do not say it themselves. Throws UsageError. */
export async function bridgeDefaults(flags: BridgeFlags): Promise<Partial<BridgeRule> & Pick<BridgeRule, 'limits'>> {
  const { DEFAULT_BRIDGE_LIMITS, checkBridgeLimits } = await import('@caisson/link/bridge');
  const { parseDuration } = await import('@caisson/core/config');
  const { toCid } = await import('@caisson/core/address');
  const { maxConnections, idleTimeout, dialTimeout, peerCid, allowMetadata, retryRefused } = flags;
  const milliseconds = (text: string, what: string): number => Math.ceil(parseDuration(text, what));
  return asUsage(() => {
    const limits = {
      maxConnections:
        maxConnections === undefined
          ? DEFAULT_BRIDGE_LIMITS.maxConnections
          : wholeNumber(maxConnections, '--max-connections'),
      idleTimeoutMs:
        idleTimeout === undefined ? DEFAULT_BRIDGE_LIMITS.idleTimeoutMs : milliseconds(idleTimeout, '--idle-timeout'),
      dialTimeoutMs:
        dialTimeout === undefined ? DEFAULT_BRIDGE_LIMITS.dialTimeoutMs : milliseconds(dialTimeout, '--dial-timeout'),
    };
    checkBridgeLimits(limits, 'flags:');
    return {
      limits,
      ...(peerCid === undefined ? {} : { peerCid: toCid(wholeNumber(peerCid, '--peer-cid')) }),
      allowMetadata: allowMetadata === true,
      retryRefused: retryRefused === true,
    };
  });
}

/** Throws UsageError. */
export function wholeNumber(text: string, what: string, most = 0xfffffffe): number {
  const value = /^(?:0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : Number.NaN;
  if (value <= most) return value;
  throw new UsageError(`${what} must be an integer in 0..${most}, got ${JSON.stringify(text)}`);
}

/** What is wrong with the words of a command line is a usage error, whichever room noticed it. */
export function asUsage<Value>(read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (error instanceof UsageError || !(error instanceof CaissonError)) throw error;
    throw new UsageError(error.message, error.hint);
  }
}
