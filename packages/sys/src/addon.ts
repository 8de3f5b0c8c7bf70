// The addon as it is: raw calls, numbers out. Every number < 0 is a negated errno; errno.ts gives it a name. Nothing
// outside this folder calls these; see addon/vsock.c, nsm.c and loopback.c for what each assumes of its arguments.
import type { BridgeAddon } from './engine-binding.ts';

/** A descriptor, an id or zero; below zero a negated errno. */
export type AddonResult = number;

export interface VsockAddon {
  /** Calls `done` once, later, with a connected descriptor that must be swapped before `done` returns. Returns an id. */
  connectVsock(
    cid: number,
    port: number,
    windowBytes: number,
    timeoutMs: number,
    done: (result: AddonResult) => void,
  ): AddonResult;
  /** The same over TCP within 127.0.0.0/8: stands in where the kernel has no vsock to test with. Host as a u32. */
  connectLoopback(
    host: number,
    port: number,
    fromHost: number,
    timeoutMs: number,
    done: (result: AddonResult) => void,
  ): AddonResult;
  connectCancel(id: number): AddonResult;
  listenVsock(cid: number, port: number, windowBytes: number, backlog: number): AddonResult;
  listenLoopback(host: number, port: number, backlog: number): AddonResult;
  /** An AF_UNIX descriptor that libuv accepts and listen() does not refuse. */
  placeholder(): AddonResult;
  /** An AF_UNIX datagram socket bound to `path`, which must be free. */
  bindDatagram(path: string): AddonResult;
  /** Below 4,096 bytes. */
  sendDatagram(path: string, text: string): AddonResult;
  /** Puts `fd` under the number of `placeholder`; both must have come from here. */
  swap(fd: number, placeholder: number): AddonResult;
  discard(fd: number): AddonResult;
  /** Fills `out` with CID and port, or host and port of a stand-in. */
  peer(fd: number, out: Uint32Array): AddonResult;
  /** Bytes of the receive window. */
  vsockWindow(fd: number): AddonResult;
  localCid(): AddonResult;
}

export interface NsmAddon {
  /** One ioctl on the pool; `request` <= 4,096 bytes. A number is a negated errno. */
  nsmRequest(fd: number, request: Uint8Array): Promise<Uint8Array | number>;
}

export interface LoopbackAddon {
  loopbackUp(): Promise<AddonResult>;
}

export interface ProcessAddon {
  /** Fills `out` with pid, uid and gid. */
  peerCredentials(fd: number, out: Uint32Array): AddonResult;
  /** The master's descriptor and the path of the other side. */
  openTerminal(columns: number, rows: number): AddonResult | [fd: number, path: string];
  resizeTerminal(fd: number, columns: number, rows: number): AddonResult;
  makeFifo(path: string): AddonResult;
}

export interface Addon extends VsockAddon, NsmAddon, LoopbackAddon, ProcessAddon, BridgeAddon {}
