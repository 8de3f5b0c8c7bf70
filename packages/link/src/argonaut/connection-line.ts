// What argonaut's users read in the log about each connection, in argonaut's own words: one line when it is accepted, one when it
// is closed, one when it is turned away. Connections are numbered through all bridges of the process.
import { type Address, formatAddress } from '@caisson/core/address';
import { formatDuration } from '@caisson/core/config';
import type { BridgeEvent, BridgePeer } from '../bridge/index.ts';

export interface ConnectionLine {
  readonly level: 'info' | 'warn';
  readonly code: 'CONNECTION_ACCEPTED' | 'CONNECTION_CLOSED' | 'CONNECTION_REFUSED' | 'CONNECTION_FAILED';
  readonly message: string;
  readonly fields: Readonly<Record<string, string | number>>;
}

/** How lines name one bridge: `[host] inbound`, and where it leads. */
export interface BridgeLabel {
  /** `host` on the parent, `traffic` in the enclave, as argonaut has it. */
  readonly side: 'host' | 'traffic';
  readonly direction: 'inbound' | 'outbound';
  readonly listen: Address;
  readonly dial: Address;
}

// Given: the test plan's R-B6. A full table of descriptors meets connections by the hundred.
const exhaustedEveryMs = 1_000;

export class ConnectionLines {
  readonly #labels: ReadonlyMap<string, BridgeLabel>;
  readonly #logConnections: boolean;
  readonly #numbers = new Map<string, number>();
  readonly #now: () => number;
  #last = 0;
  #exhaustedAtMs = Number.NEGATIVE_INFINITY;

  /** `labels` by rule name. Without `logConnections` only what went wrong has a line. */
  constructor(
    labels: ReadonlyMap<string, BridgeLabel>,
    logConnections: boolean,
    now: () => number = () => performance.now(),
  ) {
    this.#labels = labels;
    this.#now = now;
    this.#logConnections = logConnections;
  }

  /** The lines for one event of a bridge, none, one or two. */
  of(event: BridgeEvent): readonly ConnectionLine[] {
    const label = this.#labels.get(event.bridge);
    if (label === undefined) throw new TypeError(`event of a bridge ${event.bridge} that has no label`);
    const number = this.#numberOf(event);
    switch (event.type) {
      case 'accepted':
        return this.#logConnections ? [accepted(event, label, number)] : [];
      case 'refused':
        return [refused(event, label)];
      case 'closed': {
        const failed = event.dialled || this.#isRepeatedExhaustion(event) ? [] : [failure(event, label)];
        return this.#logConnections ? [...failed, closed(event, label, number)] : failed;
      }
    }
  }

  /** Says once a second that descriptors are out, not for each connection that met it. */
  #isRepeatedExhaustion({ forwardError }: BridgeEvent & { type: 'closed' }): boolean {
    if (forwardError !== 'EMFILE' && forwardError !== 'ENFILE') return false;
    if (this.#now() - this.#exhaustedAtMs < exhaustedEveryMs) return true;
    this.#exhaustedAtMs = this.#now();
    return false;
  }

  #numberOf({ bridge, id, type }: BridgeEvent): number {
    const key = `${id} ${bridge}`;
    const known = this.#numbers.get(key);
    if (type !== 'accepted') {
      this.#numbers.delete(key);
      return known ?? 0;
    }
    this.#last += 1;
    this.#numbers.set(key, this.#last);
    return this.#last;
  }
}

/** `TCP:api.example.com:443`, `VSOCK:16:3000`; a vsock listener on any CID is its port alone, `VSOCK:8100`. */
export function formatArgonautAddress(address: Address, role: 'listen' | 'dial'): string {
  if (address.kind === 'vsock')
    return role === 'listen' ? `VSOCK:${address.port}` : `VSOCK:${address.cid}:${address.port}`;
  return formatAddress(address).replace(/^[a-z]+/, (kind) => kind.toUpperCase());
}

function accepted(event: BridgeEvent & { type: 'accepted' }, { dial }: BridgeLabel, id: number): ConnectionLine {
  const [peer, target] = [formatPeer(event.peer), formatArgonautAddress(dial, 'dial')];
  return {
    level: 'info',
    code: 'CONNECTION_ACCEPTED',
    message: `[bridge:${id}] ${peer} → ${target} accepted`,
    fields: { id, peer, target },
  };
}

function closed(event: BridgeEvent & { type: 'closed' }, { dial }: BridgeLabel, id: number): ConnectionLine {
  const target = formatArgonautAddress(dial, 'dial');
  const { durationMs, forwardBytes, backwardBytes, forwardError = '<nil>', backwardError = '<nil>' } = event;
  return {
    level: 'info',
    code: 'CONNECTION_CLOSED',
    message:
      `[bridge:${id}] closed target=${target} duration=${formatDuration(durationMs)}` +
      ` a_to_b=${forwardBytes} b_to_a=${backwardBytes} err_a_to_b=${forwardError} err_b_to_a=${backwardError}`,
    fields: { id, target, durationMs, forwardBytes, backwardBytes, forwardError, backwardError },
  };
}

function refused(event: BridgeEvent & { type: 'refused' }, label: BridgeLabel): ConnectionLine {
  const peer = formatPeer(event.peer);
  const ear =
    label.listen.kind === 'vsock' && label.side === 'host' ? ` (${formatArgonautAddress(label.listen, 'listen')})` : '';
  const isOverCap = /\bcap\b|limit/.test(event.reason);
  const what = isOverCap ? 'connection limit reached' : `connection refused, ${event.reason}`;
  return {
    level: 'warn',
    code: 'CONNECTION_REFUSED',
    message: `[${label.side}] ${label.direction} ${what}${ear}; closing ${peer}`,
    fields: { bridge: event.bridge, peer, reason: event.reason },
  };
}

function failure(event: BridgeEvent & { type: 'closed' }, { side, direction, dial }: BridgeLabel): ConnectionLine {
  const target = formatArgonautAddress(dial, 'dial');
  const reason = event.forwardError ?? event.backwardError ?? 'closed by the peer before it was reached';
  return {
    level: 'warn',
    code: 'CONNECTION_FAILED',
    message: `[${side}] ${direction} bridge error: dial ${target}: ${reason}`,
    fields: { target, reason },
  };
}

/** As Go prints it: `127.0.0.1:5000`, `[::1]:5000`, `vm(16):1024`. */
function formatPeer(peer: BridgePeer | undefined): string {
  if (peer === undefined) return 'unknown';
  if (peer.kind === 'tcp') return `${peer.address.includes(':') ? `[${peer.address}]` : peer.address}:${peer.port}`;
  const names: Readonly<Record<number, string>> = { 0: 'hypervisor', 1: 'local', 2: 'host' };
  return `${names[peer.cid] ?? 'vm'}(${peer.cid}):${peer.port}`;
}
