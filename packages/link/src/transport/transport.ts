// What every way to reach the other side of the wall has in common. Implementations: kernel (AF_VSOCK), fabric (a folder
// of unix sockets, for simulation), hybrid (Firecracker and vhost-device-vsock). Nothing above this file can tell which.
import type { Socket } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import type { NativeAddress, NativeTarget } from '@caisson/sys';

export interface TransportPeer {
  readonly cid: Cid;
  readonly port: VsockPort;
}

export interface TransportConnectOptions {
  /** Default 5,000; then an Error with code ETIMEDOUT. */
  readonly timeoutMs?: number;
  /** Keep trying a refused port with jitter until `timeoutMs`: the caller knows that somebody will listen. */
  readonly retryRefused?: boolean;
  readonly signal?: AbortSignal;
}

export interface TransportListenOptions {
  /** Default 4,096. */
  readonly backlog?: number;
  /** Only this peer is served; another is reset before a byte is read. */
  readonly peerCid?: Cid;
}

export interface TransportListener {
  readonly port: VsockPort;
  /** Stops accepting and frees the address; accepted sockets live on. */
  close(): Promise<void>;
}

/** A recipe for the native engine: the same address without JavaScript on the data path. */
export interface NativeListenPlan {
  readonly address: NativeAddress;
  readonly acceptLine?: { readonly maxBytes: number; readonly timeoutMs: number };
  /** Reads the peer from the first line; throws what makes it bad. Present exactly with `acceptLine`. */
  readonly parseLine?: (line: string) => TransportPeer;
  /** Who everybody that arrives at `address` is, where the address itself says it and the socket cannot. */
  readonly peer?: TransportPeer;
  /** Frees what the plan made (the socket file). */
  release(): Promise<void>;
}

export interface Transport {
  readonly kind: 'kernel' | 'fabric' | 'hybrid';
  /** This side's own CID. */
  readonly localCid: Cid;
  /**
   * A connected `net.Socket` with allowHalfOpen. Rejects with Node-style errors: ECONNREFUSED (nobody listens),
   * ETIMEDOUT, ENODEV (a CID this transport can never reach).
   */
  connect(target: { cid: Cid; port: VsockPort }, options?: TransportConnectOptions): Promise<Socket>;
  /**
   * Listens on (`cid` or any, port). `onConnection` gets paused-free sockets with allowHalfOpen and their peer; a socket
   * whose preamble is bad or late never reaches it. Rejects EADDRINUSE with the first user named where known.
   */
  listen(
    local: { cid: Cid; port: VsockPort },
    options: TransportListenOptions,
    onConnection: (socket: Socket, peer: TransportPeer) => void,
  ): Promise<TransportListener>;
  /** For the native engine; `undefined` when this transport cannot be served natively. */
  planListen(local: { cid: Cid; port: VsockPort }): Promise<NativeListenPlan | undefined>;
  planDial(target: { cid: Cid; port: VsockPort }): NativeTarget | undefined;
}
