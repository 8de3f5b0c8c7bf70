// The addon as it is: raw calls, numbers out. Every number < 0 is a negated errno; errno.ts gives it a name. Nothing
// outside this folder calls these; see addon/vsock.c, nsm.c and loopback.c for what each assumes of its arguments.

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
  /** The same over abstract unix names: stands in where the kernel has no vsock to test with. */
  connectUnix(name: string, from: string, timeoutMs: number, done: (result: AddonResult) => void): AddonResult;
  connectCancel(id: number): AddonResult;
  listenVsock(cid: number, port: number, windowBytes: number, backlog: number): AddonResult;
  listenUnix(name: string, backlog: number): AddonResult;
  /** An AF_UNIX descriptor that libuv accepts and listen() does not refuse. */
  placeholder(): AddonResult;
  /** Puts `fd` under the number of `placeholder`; both must have come from here. */
  swap(fd: number, placeholder: number): AddonResult;
  discard(fd: number): AddonResult;
  /** Fills `out` with CID and port. */
  vsockPeer(fd: number, out: Uint32Array): AddonResult;
  /** The `from` of a dialling stand-in, seen by its acceptor. */
  unixPeer(fd: number): string | AddonResult;
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

export interface Addon extends VsockAddon, NsmAddon, LoopbackAddon {}
