// The way to an enclave's control port: from the parent itself, or through `caisson proxy --stdio CID` on it. Either is a pipe that is not trusted;
// the session ends here.
import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import {
  type Cid,
  FIRST_ENCLAVE_CID,
  LAST_ENCLAVE_CID,
  toCid,
  toVsockPort,
  type VsockPort,
} from '@caisson/core/address';
import { CaissonError } from '@caisson/core/errors';
import { CONTROL_PORT } from '@caisson/link/control';
import { openTransportFromEnvironment, type Transport } from '@caisson/link/transport';
import { createLinuxKernel } from '@caisson/sys';
import { stateFolder } from '../file/index.ts';
import {
  ENDED_PHASES,
  type EnclaveRecord,
  findRecord,
  isEnclaveName,
  listRecords,
  type RecordedState,
} from '../record/index.ts';
import type { OperatorErrorCode } from './error-code.ts';

export interface EnclaveAddress {
  readonly cid: Cid;
  readonly port: VsockPort;
  /** How this host reaches it, in the form of CAISSON_VSOCK, where the state folder knows; otherwise the environment decides. */
  readonly vsock?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * `16`, `vsock:16:53000`, or the name of an enclave that runs here: its CID and the way to it are the state folder's word, which may be wrong, since
 * whoever answers there has to prove himself. A CID is looked for there too, unless the environment says itself how enclaves are reached. Rejects
 * CaissonError OPERATOR_ENCLAVE.
 */
export async function findEnclave(
  enclave: string,
  env: Environment,
  port: number = CONTROL_PORT,
): Promise<EnclaveAddress> {
  const [, cid, named] = /^(?:vsock:)?([0-9]{1,10})(?::([0-9]{1,10}))?$/.exec(enclave) ?? [];
  if (cid !== undefined) {
    const address = addressOf(Number(cid), Number(named ?? port), enclave);
    const vsock = isSet(env['CAISSON_VSOCK']) ? undefined : await vsockOfCid(address.cid, env);
    return { ...address, ...(vsock !== undefined && { vsock }) };
  }
  if (!isEnclaveName(enclave))
    throw fault(`enclave must be a name, a CID or vsock:CID:PORT, got ${JSON.stringify(enclave)}`);
  const { spec, state } = await recordOf(enclave, env);
  if (ENDED_PHASES.includes(state.phase)) {
    const hint =
      state.phase === 'lost'
        ? `the process that kept it is gone: caisson up or caisson restart ${enclave} starts it again`
        : `caisson restart ${enclave} starts it again; caisson inspect ${enclave} shows how it ended`;
    throw fault(`enclave ${enclave} must run, got phase ${state.phase} since ${state.since}`, { hint });
  }
  if (state.cid === null) {
    throw fault(`enclave ${enclave} must have a CID, got none in phase ${state.phase}`, {
      hint: `caisson wait ${enclave}, and then again`,
    });
  }
  if (port === CONTROL_PORT && spec?.hasControl === false)
    throw fault(`the image of enclave ${enclave} must have a control channel, got one without`, {
      hint: 'operators in caisson.yaml give it one; operators: { local: NAME } makes a key for development',
    });
  return { ...addressOf(state.cid, port, enclave), ...(state.vsock !== null && { vsock: state.vsock }) };
}

/** The parent's side of the wall: the way to an enclave that was found here, else what the environment says, else AF_VSOCK. */
export function openEnclaveTransport(env: Environment, vsock?: string): Transport {
  const way = vsock === undefined ? env : { CAISSON_VSOCK: vsock };
  return openTransportFromEnvironment(way, createLinuxKernel());
}

async function recordOf(
  name: string,
  env: Environment,
): Promise<Pick<EnclaveRecord, 'spec'> & { readonly state: RecordedState }> {
  const record = await findRecord(stateFolder(env), name).catch((cause: unknown) => {
    if (!(cause instanceof CaissonError) || cause.code !== 'RECORD_UNKNOWN') throw cause;
    throw fault(cause.message, { cause, hint: `${cause.hint}; a CID can be given instead of a name` });
  });
  if (record.state !== undefined) return { spec: record.spec, state: record.state };
  const why = record.fault === undefined ? 'one that never ran' : record.fault.message;
  const hint = `caisson inspect ${name} shows what there is of it; a CID can be given instead of a name`;
  throw fault(`enclave ${name} must run here, got ${why}`, { hint, ...(record.fault && { cause: record.fault }) });
}

/** Undefined where no running enclave has this CID, or where that cannot be known. */
async function vsockOfCid(cid: Cid, env: Environment): Promise<string | undefined> {
  const records = await listRecords(stateFolder(env)).catch(() => []);
  const found = records.find(({ state }) => state?.cid === cid && !ENDED_PHASES.includes(state.phase));
  return found?.state?.vsock ?? undefined;
}

function isSet(text: string | undefined): boolean {
  return text !== undefined && text !== '';
}

/** Dials over the transport of this machine. */
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
  const isCid = Number.isSafeInteger(cid) && cid >= FIRST_ENCLAVE_CID && cid <= LAST_ENCLAVE_CID;
  if (isCid && Number.isSafeInteger(port) && port >= 0 && port < 0xffff_ffff)
    return { cid: toCid(cid), port: toVsockPort(port) };
  throw fault(
    `enclave ${enclave} must have a CID in ${FIRST_ENCLAVE_CID}..${LAST_ENCLAVE_CID} and a port, got ${cid} and ${port}`,
  );
}

function fault(
  message: string,
  options: { readonly cause?: unknown; readonly hint?: string } = {},
  code: OperatorErrorCode = 'OPERATOR_ENCLAVE',
): CaissonError<OperatorErrorCode> {
  return new CaissonError(code, message, options);
}
