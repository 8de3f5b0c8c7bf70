// What `ip-to-vsock` and `vsock-to-ip` share: two families of flags for the same two addresses, never both at once.
import type { Address, TcpAddress, VsockAddress } from '@caisson/core/address';
import { formatAddress, parseAddress } from '@caisson/core/address';
import { asUsage, type BridgeFlags, bridgeDefaults } from './bridge-flag.ts';
import { UsageError } from './exit-code.ts';
import { runBridges } from './run-bridges.ts';
import type { Surroundings } from './surroundings.ts';

export interface OldBridgeFlags extends BridgeFlags {
  readonly ipAddr?: string;
  readonly vsockAddr?: string;
  readonly vsockCid?: string;
  readonly vsockPort?: string;
}

/** Runs one bridge until the signal comes. */
export async function runOldBridge(
  listen: Address,
  dial: Address,
  flags: OldBridgeFlags,
  surroundings: Surroundings,
): Promise<void> {
  const { checkBridgeRule } = await import('@caisson/link/bridge');
  const defaults = await bridgeDefaults(flags);
  const rule = { ...defaults, name: formatAddress(listen), listen, dial };
  asUsage(() => checkBridgeRule(rule, surroundings.name));
  await runBridges({ rules: [rule], json: flags.json === true }, surroundings);
}

/**
 * `--ip-addr` is one family; `host` and `port` are the values of the two flags of the other. Throws UsageError when the
 * families mix or one is incomplete.
 */
export function ipAddressOf(
  { ipAddr }: OldBridgeFlags,
  side: 'listen' | 'target',
  host: string | undefined,
  port: string | undefined,
): TcpAddress {
  const [hostFlag, portFlag] = [`--${side}-ip`, `--${side}-port`];
  if (ipAddr !== undefined) {
    if (host !== undefined || port !== undefined) throw mixed('--ip-addr', `${hostFlag} or ${portFlag}`);
    return tcpAddress(ipAddr, '--ip-addr');
  }
  if (host === undefined || port === undefined) {
    throw new UsageError(`give ${hostFlag} and ${portFlag}, or --ip-addr IP:PORT`);
  }
  return tcpAddress(
    `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`,
    `${hostFlag} and ${portFlag}`,
  );
}

/** As ipAddressOf. Without a CID in the long family, `anyCid` says whether "any" is meant. */
export function vsockAddressOf(flags: OldBridgeFlags, { anyCid }: { readonly anyCid: boolean }): VsockAddress {
  const { vsockAddr, vsockCid, vsockPort } = flags;
  if (vsockAddr !== undefined) {
    if (vsockCid !== undefined || vsockPort !== undefined) throw mixed('--vsock-addr', '--vsock-cid or --vsock-port');
    return vsockAddress(vsockAddr, '--vsock-addr');
  }
  const cid = vsockCid ?? (anyCid ? 'any' : undefined);
  if (cid === undefined || vsockPort === undefined) {
    throw new UsageError(`give ${anyCid ? '' : '--vsock-cid and '}--vsock-port, or --vsock-addr CID:PORT`);
  }
  return vsockAddress(`${cid}:${vsockPort}`, '--vsock-cid and --vsock-port');
}

function tcpAddress(text: string, what: string): TcpAddress {
  const address = asUsage(() => parseAddress(`tcp:${text}`, what));
  if (address.kind !== 'tcp') throw new UsageError(`${what} must be IP:PORT, got ${JSON.stringify(text)}`);
  return address;
}

// Given: VMADDR_CID_ANY, which the older tools want as a number.
const anyCidForm = /^(?:4294967295|-1)(?=:)/;

function vsockAddress(text: string, what: string): VsockAddress {
  const address = asUsage(() => parseAddress(`vsock:${text.replace(anyCidForm, 'any')}`, what));
  if (address.kind !== 'vsock') throw new UsageError(`${what} must be CID:PORT, got ${JSON.stringify(text)}`);
  return address;
}

function mixed(one: string, other: string): UsageError {
  return new UsageError(`${one} says all; it cannot stand beside ${other}`);
}
