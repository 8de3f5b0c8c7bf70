// The seam between the house and Linux: every room that needs the kernel takes a Kernel. Production passes LinuxKernel
// (the addon), tests pass the fake of @caisson/testkit. What is plain in Node (TCP, unix sockets, files) is not here.
import type { Server, Socket } from 'node:net';
import type { Cid, VsockAddress, VsockPort } from '@caisson/core/address';
import type { NativeEngine, NativeEngineOptions } from './native-engine.ts';

export interface VsockConnectOptions {
  /** Default 5,000. After it: an Error with code ETIMEDOUT. */
  readonly timeoutMs?: number;
  /**
   * The caller knows that the port should exist: a refusal is tried again with jitter until `timeoutMs`, because a
   * full backlog on vsock looks exactly like nobody listening (reset at once, no SYN retry as in TCP).
   */
  readonly retryRefused?: boolean;
  readonly signal?: AbortSignal;
}

export interface VsockListenOptions {
  /** Default 4,096. */
  readonly backlog?: number;
}

/** A byte pipe to an NSM: one request's CBOR in, one response's CBOR out, in order, one at a time. */
export interface NsmDevice {
  /** `request` <= 4,096 bytes; resolves with <= 12,288 bytes. Errors: Node-style, EMSGSIZE, EIO, ETIMEDOUT ... */
  request(request: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface DatagramOptions {
  /** <= 107 bytes; what is there is replaced. */
  readonly path: string;
  /** Who may send: the file is theirs, mode 0600. */
  readonly uid: number;
  readonly gid: number;
}

export interface DatagramListener {
  /** Frees the path. */
  close(): void;
}

/** Of the process that connected a unix socket, as it was then; the kernel's word, not the peer's. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
}

/** 0..65,535 each. */
export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface Terminal {
  /** Of the master, non-blocking; its opener closes it (`new tty.ReadStream(fd)` and `new tty.WriteStream(fd)` own it). */
  readonly fd: number;
  /** The other side, for ProcessStreams: `/dev/pts/N`. */
  readonly path: string;
}

/** An address that the native engine can bind or connect to without help. TCP hosts are literals, never names. */
export type NativeAddress =
  | { readonly kind: 'tcp'; readonly address: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'vsock'; readonly cid: Cid; readonly port: VsockPort };

export interface Kernel {
  /** False without the addon: vsock, NSM device and the native engine then throw SYS_ADDON_MISSING. */
  readonly hasAddon: boolean;
  /** Resolves with a connected socket (allowHalfOpen). Rejects with Node-style errors: a refusal is ECONNREFUSED. */
  vsockConnect(target: { cid: Cid; port: VsockPort }, options?: VsockConnectOptions): Promise<Socket>;
  /** Resolves with a listening server (allowHalfOpen); 'connection' gives sockets whose peer `vsockPeer` knows. */
  vsockListen(local: { cid: Cid; port: VsockPort }, options?: VsockListenOptions): Promise<Server>;
  /** The peer of an AF_VSOCK socket made by this kernel; undefined once it is closed. */
  vsockPeer(socket: Socket): VsockAddress | undefined;
  /** IOCTL_VM_SOCKETS_GET_LOCAL_CID on /dev/vsock. */
  localCid(): Cid;
  /** Opens an NSM device; `path` defaults to /dev/nsm. */
  openNsm(path?: string): Promise<NsmDevice>;
  /** Datagrams on a unix socket, one call each, <= 64 KiB; an empty one is not told. Throws Node-style errors. */
  listenDatagram(options: DatagramOptions, onDatagram: (bytes: Uint8Array) => void): DatagramListener;
  /** One datagram to whoever listens at `path`, below 4,096 bytes; never waits. Throws Node-style errors: ECONNREFUSED, EAGAIN ... */
  sendDatagram(path: string, text: string): void;
  /** Throws Node-style errors: ENOTCONN (closed), ENODATA (no unix socket). */
  peerCredentials(socket: Socket): PeerCredentials;
  openTerminal(size: TerminalSize): Terminal;
  resizeTerminal(fd: number, size: TerminalSize): void;
  /** Mode 0600. Throws Node-style errors: EEXIST, ENOENT ... */
  makeFifo(path: string): void;
  /** Brings `lo` up with 127.0.0.1/8. Idempotent. */
  bringUpLoopback(): Promise<void>;
  /** One epoll thread that relays bytes without JavaScript. The caller closes it. */
  createEngine(options?: NativeEngineOptions): NativeEngine;
}
