// What a bridge of the contract suite stands in: a near side that dials it and a far side that it dials, each TCP, unix or
// fabric, all on loopback and in one temporary folder that is gone afterwards with every socket that was made.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Address, CID_ANY, toCid, toVsockPort, type VsockPort } from '@caisson/core/address';
import {
  type Bridge,
  type BridgeEvent,
  type BridgeLimits,
  type BridgeOptions,
  type BridgeRule,
  DEFAULT_BRIDGE_LIMITS,
  openBridge,
  type RouteConnection,
} from '@caisson/link/bridge';
import { createFabricTransport, type Transport } from '@caisson/link/transport';
import type { Kernel } from '@caisson/sys';
import { outcomeOf } from './stream.ts';

export type Bank = 'tcp' | 'unix' | 'fabric';

export interface WaterOptions {
  readonly near: Bank;
  readonly far: Bank;
  readonly plane: 'js' | 'native';
  readonly kernel?: Kernel;
  /** Run the promises that cost seconds here, with their full figures. */
  readonly heavy?: boolean;
}

export interface FarSide {
  readonly address: Address;
  close(): Promise<void>;
}

export interface OpenOptions {
  readonly limits?: Partial<BridgeLimits>;
  readonly rule?: Partial<BridgeRule>;
  readonly resolve?: BridgeOptions['resolve'];
  readonly route?: RouteConnection;
}

// Chosen: the bridge is on the parent, everybody else in one enclave.
const bridgeCid = toCid(3);
const otherCid = toCid(16);

export class Water {
  readonly options: WaterOptions;
  readonly folder = mkdtempSync(join(tmpdir(), 'bridge-'));
  readonly events: BridgeEvent[] = [];
  /** The bridge's own side, and everybody else's. */
  readonly transport: Transport;
  readonly otherTransport: Transport;
  readonly #sockets = new Set<Socket>();
  readonly #closers: (() => Promise<void>)[] = [];
  #nextPort = 5000;

  constructor(options: WaterOptions) {
    this.options = options;
    this.transport = createFabricTransport({ directory: this.folder, localCid: bridgeCid });
    this.otherTransport = createFabricTransport({ directory: this.folder, localCid: otherCid });
  }

  async open(dial: Address, { limits, rule, resolve, route }: OpenOptions = {}): Promise<Bridge> {
    const { plane, kernel } = this.options;
    const bridge = await openBridge(
      {
        name: 'contract',
        listen: this.listenAddress(),
        dial,
        limits: { ...DEFAULT_BRIDGE_LIMITS, ...limits },
        ...rule,
      },
      {
        transport: this.transport,
        plane,
        onEvent: (event) => void this.events.push(event),
        ...(kernel === undefined ? {} : { kernel }),
        ...(resolve === undefined ? {} : { resolve }),
        ...(route === undefined ? {} : { route }),
      },
    );
    this.#closers.push(() => bridge.drain(0));
    return bridge;
  }

  /** Where a bridge may listen on the near side. */
  listenAddress(): Address {
    const { near } = this.options;
    if (near === 'tcp') return { kind: 'tcp', host: '127.0.0.1', port: 0 };
    if (near === 'unix') return { kind: 'unix', path: join(this.folder, `near-${this.#nextPort++}`) };
    return { kind: 'vsock', cid: CID_ANY, port: toVsockPort(this.#nextPort++) };
  }

  /** Where nobody listens on the far side. */
  deadAddress(): Address {
    const { far } = this.options;
    // Port 1 of loopback: tcpmux, which no machine of ours serves.
    if (far === 'tcp') return { kind: 'tcp', host: '127.0.0.1', port: 1 };
    if (far === 'unix') return { kind: 'unix', path: join(this.folder, 'nobody') };
    return { kind: 'vsock', cid: otherCid, port: toVsockPort(4999) };
  }

  /** A far side: `serve` gets every connection. */
  async serve(serve: (socket: Socket) => void): Promise<FarSide> {
    const { far } = this.options;
    if (far === 'tcp') return this.#serveOn(serve, { port: 0, host: '127.0.0.1' });
    if (far === 'unix') return this.#serveOn(serve, { path: join(this.folder, `far-${this.#nextPort++}`) });
    return this.#serveFabric(serve, this.nextFarPort());
  }

  /** A far side that comes back to the address it had (unix and fabric). */
  async serveAt(address: Address, serve: (socket: Socket) => void): Promise<FarSide> {
    if (address.kind === 'unix') return this.#serveOn(serve, { path: address.path });
    if (address.kind === 'vsock') return this.#serveFabric(serve, address.port);
    throw new TypeError('a tcp port may belong to another process by now');
  }

  /** A TCP server whatever the far side is. */
  async serveTcp(serve: (socket: Socket) => void): Promise<Address> {
    return (await this.#serveOn(serve, { port: 0, host: '127.0.0.1' })).address;
  }

  nextFarPort(): VsockPort {
    return toVsockPort(this.#nextPort++);
  }

  /** Through the bridge. */
  async connect(bridge: Bridge): Promise<Socket> {
    return this.dial(bridge.address);
  }

  /** Connects, sends nothing and resolves with how it ended; a bridge may be quicker to reset than a dial to settle. */
  async outcome(bridge: Bridge): Promise<string> {
    return this.connect(bridge).then(outcomeOf, (error: NodeJS.ErrnoException) => error.code ?? error.message);
  }

  async dial(address: Address): Promise<Socket> {
    if (address.kind === 'vsock') {
      return this.#keep(await this.otherTransport.connect({ cid: bridgeCid, port: address.port }));
    }
    const to = address.kind === 'tcp' ? { host: address.host, port: address.port, noDelay: true } : address;
    const socket = connect({ ...to, allowHalfOpen: true });
    try {
      await once(socket, 'connect');
    } catch (error) {
      socket.destroy();
      throw error;
    }
    return this.#keep(socket);
  }

  /** Ends everything that this made and removes the folder. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    for (const close of this.#closers.reverse()) await close();
    await Promise.all([...this.#sockets].map((socket) => (socket.closed ? undefined : once(socket, 'close'))));
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #serveFabric(serve: (socket: Socket) => void, port: VsockPort): Promise<FarSide> {
    const listener = await this.otherTransport.listen({ cid: CID_ANY, port }, {}, (socket) =>
      serve(this.#keep(socket)),
    );
    const close = (): Promise<void> => listener.close();
    this.#closers.push(close);
    return { address: { kind: 'vsock', cid: otherCid, port }, close };
  }

  async #serveOn(
    serve: (socket: Socket) => void,
    where: { host: string; port: number } | { path: string },
  ): Promise<FarSide> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => serve(this.#keep(socket)));
    server.listen({ ...where, backlog: 4096 });
    await once(server, 'listening');
    const bound = server.address();
    const close = async (): Promise<void> => void server.close();
    this.#closers.push(close);
    if (typeof bound === 'object' && bound !== null) {
      return { address: { kind: 'tcp', host: bound.address, port: bound.port }, close };
    }
    return { address: { kind: 'unix', path: bound ?? '' }, close };
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    // Errors are looked at where they are meant; elsewhere a close says enough.
    return socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket));
  }
}
