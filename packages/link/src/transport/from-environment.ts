// The transport that CAISSON_VSOCK and CAISSON_CID name (docs/wire/addresses.md). Never part of a production bundle: there
// the environment comes from the parent, who would choose the wall himself.
import type { Cid } from '@caisson/core/address';
import { CID_PARENT } from '@caisson/core/address';
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { Kernel } from '@caisson/sys';
import type { TransportErrorCode } from './error-code.ts';
import { createFabricTransport } from './fabric/fabric.ts';
import { createHybridTransport } from './hybrid/hybrid.ts';
import { createKernelTransport } from './kernel.ts';
import type { Transport } from './transport.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const highestCid = 4294967294;

/**
 * `CAISSON_VSOCK` is `kernel` (also when unset), `fabric:DIR` or `hybrid:CID=PATH[,CID=PATH]`; `CAISSON_CID` (default 3) is
 * this side's own CID in the last two, while the kernel knows its own.
 * Throws ParseError TRANSPORT_SETTING, and what the transports refuse, with the variable named.
 */
export function openTransportFromEnvironment(env: Environment, kernel: Kernel): Transport {
  const setting = env['CAISSON_VSOCK'] ?? 'kernel';
  const localCid = env['CAISSON_CID'] === undefined ? CID_PARENT : parseCid(env['CAISSON_CID'], 'CAISSON_CID');
  if (setting === 'kernel') return createKernelTransport(kernel);
  if (setting.startsWith('fabric:')) {
    const directory = setting.slice('fabric:'.length);
    if (directory === '') throw fault('CAISSON_VSOCK must be fabric:DIR, got "fabric:"');
    return named(() => createFabricTransport({ directory, localCid }));
  }
  if (setting.startsWith('hybrid:')) {
    const peers = parsePeers(setting.slice('hybrid:'.length));
    return named(() => createHybridTransport({ localCid, peers }));
  }
  throw fault(`CAISSON_VSOCK must be kernel, fabric:DIR or hybrid:CID=PATH[,CID=PATH], got ${JSON.stringify(setting)}`);
}

function parsePeers(text: string): Map<Cid, string> {
  const peers = new Map<Cid, string>();
  for (const [index, pair] of text.split(',').entries()) {
    const what = `CAISSON_VSOCK hybrid peer ${index + 1}`;
    const [, cidText, path] = /^([^=]*)=(.+)$/.exec(pair) ?? [];
    if (cidText === undefined || path === undefined) {
      throw fault(`${what} must be CID=PATH, got ${JSON.stringify(pair)}`);
    }
    const cid = parseCid(cidText, `${what} cid`);
    if (peers.has(cid)) throw fault(`${what} must have a cid of its own, got ${cid} again`);
    if ([...peers.values()].includes(path)) throw fault(`${what} must have a path of its own, got ${path} again`);
    peers.set(cid, path);
  }
  return peers;
}

function parseCid(text: string, what: string): Cid {
  const cid = /^(?:0|[1-9][0-9]{0,9})$/.test(text) ? Number(text) : Number.NaN;
  if (cid >= CID_PARENT && cid <= highestCid) return cid as Cid;
  throw fault(`${what} must be an integer in ${CID_PARENT}..${highestCid}, got ${JSON.stringify(text)}`);
}

function named(open: () => Transport): Transport {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof CaissonError)) throw error;
    throw new CaissonError<TransportErrorCode>(error.code, `CAISSON_VSOCK: ${error.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}

function fault(message: string): ParseError<TransportErrorCode> {
  return new ParseError('TRANSPORT_SETTING', message);
}
