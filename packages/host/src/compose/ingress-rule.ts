// A rule of `ingress` with all that its short forms leave out. On the host it is loopback unless the file says otherwise: whoever wants the
// world to reach an enclave writes 0.0.0.0.
import { parseDuration } from '@caisson/core/config';
import type { EnclaveSpec } from './schema.ts';

export interface IngressRule {
  readonly hostAddress: string;
  readonly hostPort: number;
  /** In the enclave, on 127.0.0.1. */
  readonly port: number;
  readonly vsockPort: number;
  /** How long a connection waits for an enclave that is not ready; 0: it is refused. */
  readonly holdMs: number;
}

// Chosen.
const standardAddress = '127.0.0.1';

export function readIngressRule(rule: NonNullable<EnclaveSpec['ingress']>[number]): IngressRule {
  if (typeof rule === 'object') {
    const { listen, port, vsock_port: vsockPort = port, hold } = rule;
    return {
      ...addressOf(listen),
      port,
      vsockPort,
      holdMs: hold === undefined ? 0 : Math.round(parseDuration(hold, 'hold')),
    };
  }
  const text = String(rule);
  const at = text.lastIndexOf(':');
  const port = Number(text.slice(at + 1));
  const host = at < 0 ? { hostAddress: standardAddress, hostPort: port } : addressOf(text.slice(0, at));
  return { ...host, port, vsockPort: port, holdMs: 0 };
}

function addressOf(text: string): { hostAddress: string; hostPort: number } {
  const at = text.lastIndexOf(':');
  const hostAddress = at < 0 ? standardAddress : text.slice(0, at).replace(/^\[|\]$/g, '');
  return { hostAddress, hostPort: Number(text.slice(at + 1)) };
}

type Listener = Pick<IngressRule, 'hostAddress' | 'hostPort'>;

/** Whether the kernel would refuse the second of two listeners: a wildcard has every address of its port. */
export function isSameListener(left: Listener, right: Listener): boolean {
  if (left.hostPort !== right.hostPort) return false;
  const [one, other] = [plainAddress(left.hostAddress), plainAddress(right.hostAddress)];
  return one === other || one === 'any' || other === 'any';
}

function plainAddress(address: string): string {
  const names: Readonly<Record<string, string>> = { '0.0.0.0': 'any', '::': 'any', localhost: standardAddress };
  return names[address.toLowerCase()] ?? address.toLowerCase();
}
