// The way to an enclave's control port: from the parent itself, or through `caisson proxy --stdio CID` on it. Either is a pipe that is not trusted;
// the session ends here.
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { type Cid, toCid, toVsockPort, type VsockPort } from '@caisson/core/address';
import { CaissonError } from '@caisson/core/errors';
import { CONTROL_PORT } from '@caisson/link/control';
import type { Transport } from '@caisson/link/transport';
import { stateFolder } from '../store/index.ts';
import type { OperatorErrorCode } from './error-code.ts';

export interface EnclaveAddress {
  readonly cid: Cid;
  readonly port: VsockPort;
}

// Chosen: a state file is a page of JSON.
const maxStateCharacters = 65_536;
const lowestCid = 4;
const highestCid = 4_194_303;

/**
 * `16`, `vsock:16:53000`, or the name of an enclave that runs here: its CID is the state folder's word, which may be wrong, since whoever answers
 * there has to prove himself. Rejects CaissonError OPERATOR_ENCLAVE.
 */
export async function findEnclave(
  enclave: string,
  env: Readonly<Record<string, string | undefined>>,
  port: number = CONTROL_PORT,
): Promise<EnclaveAddress> {
  const [, cid, named] = /^(?:vsock:)?([0-9]{1,10})(?::([0-9]{1,10}))?$/.exec(enclave) ?? [];
  if (cid !== undefined) return addressOf(Number(cid), Number(named ?? port), enclave);
  if (!/^[a-z][a-z0-9-]{0,62}$/.test(enclave))
    throw fault(`enclave must be a name, a CID or vsock:CID:PORT, got ${JSON.stringify(enclave)}`);
  const path = join(stateFolder(env), 'enclaves', enclave, 'state.json');
  let state: unknown;
  try {
    const text = await readFile(path, 'utf8');
    if (text.length > maxStateCharacters) throw new Error('it is too long');
    state = JSON.parse(text);
  } catch (cause) {
    throw fault(`enclave ${enclave} must run here, got no state of it`, {
      cause,
      hint: 'caisson ps shows what runs; a CID can be given instead of a name',
    });
  }
  return addressOf(Number((state as { cid?: unknown } | null)?.cid), port, enclave);
}

/** Over the transport of this machine. */
export function dialEnclave(transport: Transport, address: EnclaveAddress, signal?: AbortSignal): Promise<Duplex> {
  return transport.connect(address, signal === undefined ? {} : { signal });
}

/**
 * `via`: `ssh:HOST`. The program is started by argv, no shell on this side; HOST may not begin with `-`, which ssh would take for an option of its
 * own. What ssh says goes to `stderr`. Throws CaissonError OPERATOR_VIA.
 */
export function dialVia(
  via: string,
  enclave: string,
  options: {
    readonly port: number;
    readonly stderr: (text: string) => void;
    readonly env: Readonly<Record<string, string | undefined>>;
  },
): Duplex {
  const [, host] = /^ssh:([A-Za-z0-9_.@:[\]%-]{1,255})$/.exec(via) ?? [];
  if (host === undefined || host.startsWith('-'))
    throw fault(`--via must be ssh:HOST, got ${JSON.stringify(via)}`, {}, 'OPERATOR_VIA');
  // The parent's shell sees these words: nothing in them needs a quote.
  if (!/^[a-z0-9-]{1,63}$/.test(enclave))
    throw fault(`enclave must be a name or a CID with --via, got ${JSON.stringify(enclave)}`, {}, 'OPERATOR_VIA');
  const words = ['caisson', 'proxy', '--stdio', '--port', String(options.port), '--', enclave];
  const child = spawn('ssh', ['-T', '-o', 'BatchMode=yes', '--', host, ...words], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...options.env },
  });
  child.stderr.setEncoding('utf8').on('data', options.stderr);
  const duplex = Duplex.from({ readable: child.stdout, writable: child.stdin });
  child.once('error', (cause) =>
    duplex.destroy(fault(`ssh cannot be started: ${cause.message}`, { cause }, 'OPERATOR_VIA')),
  );
  duplex.once('close', () => child.kill());
  return duplex;
}

function addressOf(cid: number, port: number, enclave: string): EnclaveAddress {
  const isCid = Number.isSafeInteger(cid) && cid >= lowestCid && cid <= highestCid;
  if (isCid && Number.isSafeInteger(port) && port >= 0 && port < 0xffff_ffff)
    return { cid: toCid(cid), port: toVsockPort(port) };
  throw fault(`enclave ${enclave} must have a CID in ${lowestCid}..${highestCid} and a port, got ${cid} and ${port}`);
}

function fault(
  message: string,
  options: { readonly cause?: unknown; readonly hint?: string } = {},
  code: OperatorErrorCode = 'OPERATOR_ENCLAVE',
): CaissonError<OperatorErrorCode> {
  return new CaissonError(code, message, options);
}
