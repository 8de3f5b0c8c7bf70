// The fabric: vsock simulated by a folder of unix sockets, `DIR/<cid>/<port>` (docs/wire/fabric.md).
// For development. The peer CID is a claim, and the bundle for real enclaves does not contain this file.
// Dialling: connect, preamble, done; nothing is answered. Listening: preamble within 1 s, then the socket is handed out.
import { lstatSync } from 'node:fs';
import type { Cid, VsockPort } from '@caisson/core/address';
import { CID_ANY, CID_PARENT } from '@caisson/core/address';
import { dialFile } from '../dial-file.ts';
import { codeOf, createSocketError } from '../socket-error.ts';
import { clearStaleFile, listenOnFile } from '../socket-file.ts';
import type { Transport, TransportListener } from '../transport.ts';
import type { EarListener } from './ear.ts';
import { Ear } from './ear.ts';
import { openCidFolder, openFolder, socketPath } from './folder.ts';
import { formatPreamble, makeSourcePort, parsePreamble, preambleMaxBytes, preambleTimeoutMs } from './preamble.ts';

export interface FabricOptions {
  /** Must exist, belong to the caller, be writable by nobody else and lie behind no link; at most 85 bytes. */
  readonly directory: string;
  /** 3 for the parent, 4 and up for enclaves. */
  readonly localCid: Cid;
  /** As on real hardware: one listener a port, whatever peer it is for. Default false. */
  readonly hostWide?: boolean;
}

// Chosen.
const defaultBacklog = 4_096;

/** Throws PolicyError TRANSPORT_FOLDER, LimitError TRANSPORT_PATH_LENGTH, TypeError for a reserved `localCid`. */
export function createFabricTransport(options: FabricOptions): Transport {
  const { localCid, hostWide = false } = options;
  if (!isReachable(localCid)) {
    throw new TypeError(`fabric localCid must be an integer in 3..4294967294, got ${localCid}`);
  }
  const folder = openFolder(options.directory);
  const ears = new Map<VsockPort, Ear>();

  function toLocal(local: { cid: Cid; port: VsockPort }): { cid: Cid; port: VsockPort } {
    if (local.cid === CID_ANY || local.cid === localCid) return { cid: localCid, port: local.port };
    throw createSocketError('EADDRNOTAVAIL', 'listen', local, `this side is cid ${localCid}`);
  }

  function stop(ear: Ear, port: VsockPort, listener: EarListener): boolean {
    const last = ear.remove(listener);
    if (last && ears.get(port) === ear) ears.delete(port);
    return last;
  }

  return {
    kind: 'fabric',
    localCid,

    async connect(target, connectOptions = {}) {
      if (!isReachable(target.cid)) {
        throw createSocketError('ENODEV', 'connect', target, 'a fabric has cids 3..4294967294');
      }
      const path = socketPath(folder, target.cid, target.port);
      return await dialFile({
        path,
        target,
        options: connectOptions,
        greet(socket) {
          socket.write(formatPreamble({ cid: localCid, port: makeSourcePort() }));
        },
        // An enclave may write in its own folder: a link there would turn the parent's dial to a socket of his choice.
        inspect() {
          if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) return;
          throw createSocketError('ELOOP', 'connect', target, `${path} is a symbolic link`);
        },
      });
    },

    async listen(asked, listenOptions, onConnection): Promise<TransportListener> {
      const local = toLocal(asked);
      const listener: EarListener = { peerCid: listenOptions.peerCid, onConnection };
      const ear = ears.get(local.port) ?? new Ear(local);
      ear.add(listener, hostWide);
      ears.set(local.port, ear);
      try {
        openCidFolder(folder, localCid);
        const path = socketPath(folder, localCid, local.port);
        const backlog = listenOptions.backlog ?? defaultBacklog;
        ear.file ??= listenOnFile({ path, local, backlog }, (socket) => ear.accept(socket));
        const file = await ear.file;
        return {
          port: local.port,
          async close() {
            if (stop(ear, local.port, listener)) file.close();
          },
        };
      } catch (error) {
        stop(ear, local.port, listener);
        throw error;
      }
    },

    async planListen(asked) {
      const local = toLocal(asked);
      openCidFolder(folder, localCid);
      const path = socketPath(folder, localCid, local.port);
      await clearStaleFile({ path, local });
      return {
        address: { kind: 'unix', path },
        acceptLine: { maxBytes: preambleMaxBytes, timeoutMs: preambleTimeoutMs },
        parseLine: parsePreamble,
        // The engine made the file and is gone from it: what nobody answers on is removed, what somebody else serves stays.
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
      if (!isReachable(target.cid)) return undefined;
      const preface = Buffer.from(formatPreamble({ cid: localCid, port: makeSourcePort() }));
      return { address: { kind: 'unix', path: socketPath(folder, target.cid, target.port) }, preface };
    },
  };
}

/** 0 to 2 are the hypervisor, loopback and the far host of plain vsock: nobody in a fabric. */
function isReachable(cid: Cid): boolean {
  return Number.isInteger(cid) && cid >= CID_PARENT && cid < CID_ANY;
}
