// The ways into and out of an enclave, and whether two of them want one thing. The builder asks before there is an image, the network
// service again with what the boot config adds: whichever of two won in silence would be somebody's choice that nobody made.
import { CONTROL_PORT, FRAMED_CONFIG_PORT, RAW_CONFIG_PORT } from '../address/index.ts';
import type { MeasuredImage } from './image.ts';

export interface WayIn {
  /** For messages: `ingress[0]`. */
  readonly name: string;
  readonly vsockPort: number;
  /** On 127.0.0.1. */
  readonly targetPort: number;
}

export interface WayOut {
  readonly name: string;
  readonly host: string;
  /** Where the enclave's programs reach it: IPv4 loopback. */
  readonly localIp: string;
  readonly localPort: number;
}

export interface NetworkConflict {
  readonly what: string;
  readonly first: string;
  readonly second: string;
}

type Measured = Pick<MeasuredImage, 'ingress' | 'egress' | 'healthPort' | 'components'>;

// Chosen: apart from 127.0.0.64 and up, where a v0.1 config's endpoints are by default.
const egressNetwork = '127.0.1';
const firstOctet = 64;

export function waysInOf({ ingress }: Pick<Measured, 'ingress'>): WayIn[] {
  return ingress.map((one, index) => ({ name: `ingress[${index}]`, ...one }));
}

/** In the order of `egress`. Two ports of one host share the address of the first, since a hosts file knows no ports. */
export function waysOutOf({ egress }: Pick<Measured, 'egress'>): WayOut[] {
  const hosts = egress.map(({ host }) => host.toLowerCase());
  return egress.map(({ host, port }, index) => ({
    name: `egress[${index}] (${host}:${port})`,
    host,
    localIp: `${egressNetwork}.${firstOctet + hosts.indexOf(host.toLowerCase())}`,
    localPort: port,
  }));
}

/** The first two that want one port, address or name; undefined when there are none. */
export function findNetworkConflict(
  waysIn: readonly WayIn[],
  waysOut: readonly WayOut[],
  image: Pick<Measured, 'healthPort' | 'components'>,
): NetworkConflict | undefined {
  const ports = new Map<number, string>([RAW_CONFIG_PORT, FRAMED_CONFIG_PORT].map((port) => [port, 'the boot config']));
  if (image.healthPort !== null) ports.set(image.healthPort, 'the health port');
  if (image.components.includes('control')) ports.set(CONTROL_PORT, 'the control channel');
  for (const { name, vsockPort } of waysIn) {
    const first = claim(ports, vsockPort, name);
    if (first !== undefined) return { what: `vsock port ${vsockPort}`, first, second: name };
  }
  const addresses = new Map<string, string>(
    waysIn.map(({ name, targetPort }) => [`127.0.0.1:${targetPort}`, `the application behind ${name}`]),
  );
  const hosts = new Map<string, WayOut>();
  for (const way of waysOut) {
    const { name, host, localIp, localPort } = way;
    const sameName = hosts.get(host.toLowerCase());
    if (sameName !== undefined && sameName.localIp !== localIp) {
      return { what: `host ${host}`, first: sameName.name, second: name };
    }
    hosts.set(host.toLowerCase(), way);
    const first = claim(addresses, `${localIp}:${localPort}`, name);
    if (first !== undefined) return { what: `address ${localIp}:${localPort}`, first, second: name };
  }
  return undefined;
}

function claim<Key>(owners: Map<Key, string>, key: Key, name: string): string | undefined {
  const owner = owners.get(key);
  if (owner === undefined) owners.set(key, name);
  return owner;
}
