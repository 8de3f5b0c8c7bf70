// The host side of a guest whose vsock ends in unix sockets: Firecracker, cloud-hypervisor, QEMU with vhost-device-vsock
// (docs/wire/hybrid.md). Each peer CID has one PATH: the host dials through PATH, the guest's dials arrive on PATH_<port>.
// The path is the peer: whoever may open the socket files is that guest. The form carries no source port; peers have port 0.
import type { Socket } from 'node:net';
import type { Cid, VsockPort } from '@caisson/core/address';
import { CID_ANY } from '@caisson/core/address';
import { LimitError } from '@caisson/core/errors';
import { dialFile } from '../dial-file.ts';
import type { TransportErrorCode } from '../error-code.ts';
import { readFirstLine } from '../first-line.ts';
import { codeOf, createSocketError } from '../socket-error.ts';
import type { SocketFile } from '../socket-file.ts';
import { clearStaleFile, listenOnFile } from '../socket-file.ts';
import type { Transport, TransportListener } from '../transport.ts';
import { formatConnect, parseReply, replyMaxBytes, replyPrefix } from './handshake.ts';

export interface HybridOptions {
  /** This side's CID as the guest sees it; the form does not carry it. */
  readonly localCid: Cid;
  /** The unix socket of each guest; at most 96 bytes. */
  readonly peers: ReadonlyMap<Cid, string>;
  /** As on real hardware: a listener takes its port from every guest, whatever peer it is for. Default false. */
  readonly hostWide?: boolean;
}

// Given: sizeof(sun_path) - 1 on Linux, unix(7), less `_4294967294`.
const maxPathBytes = 107 - 11;
// Chosen.
const defaultBacklog = 4_096;
const unknownPort = 0 as VsockPort;

/** Throws LimitError TRANSPORT_PATH_LENGTH. */
export function createHybridTransport(options: HybridOptions): Transport {
  const { localCid, hostWide = false } = options;
  const peers = new Map(options.peers);
  for (const [cid, path] of peers) verifyLength(cid, path);

  function toLocal(local: { cid: Cid; port: VsockPort }): { cid: Cid; port: VsockPort } {
    if (local.cid === CID_ANY || local.cid === localCid) return { cid: localCid, port: local.port };
    throw createSocketError('EADDRNOTAVAIL', 'listen', local, `this side is cid ${localCid}`);
  }

  return {
    kind: 'hybrid',
    localCid,

    async connect(target, connectOptions = {}) {
      const path = peers.get(target.cid);
      if (path === undefined) throw createSocketError('ENODEV', 'connect', target, describePeers(peers));
      return await dialFile({
        path,
        target,
        options: connectOptions,
        greet: (socket, leftMs, signal) => requestPort(socket, target, leftMs, signal),
      });
    },

    async listen(asked, { peerCid, backlog = defaultBacklog }, onConnection): Promise<TransportListener> {
      const local = toLocal(asked);
      if (peerCid !== undefined && !peers.has(peerCid)) {
        throw createSocketError('ENODEV', 'listen', { ...local, cid: peerCid }, describePeers(peers));
      }
      const files: SocketFile[] = [];
      const close = async (): Promise<void> => {
        for (const file of files) file.close();
      };
      try {
        for (const [cid, path] of peers) {
          // Host-wide, the file of every guest is taken and the others' dials are reset, as one kernel listener does.
          if (peerCid !== undefined && cid !== peerCid && !hostWide) continue;
          const serve = (socket: Socket): void => {
            if (peerCid === undefined || cid === peerCid) onConnection(socket, { cid, port: unknownPort });
            else socket.destroy();
          };
          files.push(await listenOnFile({ path: `${path}_${local.port}`, local, backlog }, serve));
        }
      } catch (error) {
        await close();
        throw error;
      }
      return { port: local.port, close };
    },

    async planListen(asked) {
      const local = toLocal(asked);
      const [only, another] = peers;
      // One plan is one address: several guests are several files, which the JavaScript plane serves.
      if (only === undefined || another !== undefined) return undefined;
      const [cid, base] = only;
      const path = `${base}_${local.port}`;
      await clearStaleFile({ path, local });
      return {
        address: { kind: 'unix', path },
        peer: { cid, port: unknownPort },
        async release() {
          try {
            await clearStaleFile({ path, local });
          } catch (error) {
            if (codeOf(error) !== 'EADDRINUSE') throw error;
          }
        },
      };
    },

    planDial(target) {
      const path = peers.get(target.cid);
      if (path === undefined) return undefined;
      return {
        address: { kind: 'unix', path },
        preface: Buffer.from(formatConnect(target.port)),
        replyLine: { prefix: replyPrefix, maxBytes: replyMaxBytes },
      };
    },
  };
}

/** Resolves when the far side said OK. A close instead of it is how this form refuses. */
function requestPort(
  socket: Socket,
  target: { cid: Cid; port: VsockPort },
  leftMs: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancel = readFirstLine(
      socket,
      { maxBytes: replyMaxBytes, timeoutMs: leftMs },
      (line) => {
        signal?.removeEventListener('abort', abort);
        try {
          parseReply(line);
          resolve();
        } catch (error) {
          reject(createSocketError('EPROTO', 'connect', target, 'the far side is no vsock muxer', error));
        }
      },
      (fault) => {
        signal?.removeEventListener('abort', abort);
        reject(explain(fault, target));
      },
    );
    const abort = (): void => {
      cancel();
      socket.destroy();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    socket.write(formatConnect(target.port));
  });
}

function explain(fault: Error, target: { cid: Cid; port: VsockPort }): Error {
  switch (codeOf(fault)) {
    case 'TRANSPORT_LINE_LATE':
      return createSocketError('ETIMEDOUT', 'connect', target, 'the far side did not answer CONNECT in time', fault);
    case 'TRANSPORT_LINE_LIMIT':
      return createSocketError('EPROTO', 'connect', target, 'the far side is no vsock muxer', fault);
    case 'TRANSPORT_LINE_CUT':
    case 'ECONNRESET':
    case 'EPIPE':
      return createSocketError('ECONNREFUSED', 'connect', target, 'the far side closed instead of OK', fault);
    default:
      return fault;
  }
}

function describePeers(peers: ReadonlyMap<Cid, string>): string {
  return peers.size === 0 ? 'this hybrid transport has no peer' : `only cid ${[...peers.keys()].join(', ')} is known`;
}

function verifyLength(cid: Cid, path: string): void {
  const bytes = Buffer.byteLength(path);
  if (bytes > 0 && bytes <= maxPathBytes) return;
  throw new LimitError<TransportErrorCode>(
    'TRANSPORT_PATH_LENGTH',
    `hybrid path of cid ${cid} must have 1..${maxPathBytes} bytes to leave room for _PORT, got ${bytes}`,
  );
}
