// The command line of the enclave bundles: `config recv PORT`, `enclave`, `nsm`. Parsed by node:util, so that the bundle holds no
// third-party code; what the environment may choose is up to the entry point. In an image the launcher puts the name before it that it was
// called by: under an old name the exit code of a wrong command line is that tool's.
import { parseArgs } from 'node:util';
import { toVsockPort, type VsockPort } from '@caisson/core/address';
import { CaissonError, ParseError } from '@caisson/core/errors';
import { createLog, type LogFormat, parseLogLevel } from '@caisson/core/log';
import { type Say, sayTo } from '@caisson/link/argonaut';
import type { Transport } from '@caisson/link/transport';
import { createLinuxKernel, type Kernel, type NsmDevice, openProcessHost } from '@caisson/sys';
import { runConfigRecv } from './config-recv.ts';
import { runEnclave } from './enclave.ts';
import { runInitctlVerb } from './initctl.ts';
import { runNetwork } from './network.ts';
import { runNsm } from './nsm.ts';
import { runPipelineListen } from './pipeline.ts';
import { runSupervise } from './supervise.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** What an entry point decides: how the wall and the NSM are reached. */
export interface EnclaveDoors {
  openTransport(env: Environment, kernel: Kernel, say: Say): Transport;
  openNsm(env: Environment, kernel: Kernel, say: Say): Promise<NsmDevice>;
  /** Where the enclave's `/` is, without a slash at its end; absent: there, whatever anybody says. */
  rootOf?(env: Environment): string;
  /** For the supervisor: what everybody else reaches through it. */
  openOwnNsm(env: Environment, kernel: Kernel): Promise<NsmDevice>;
}

export const ENCLAVE_PROGRAM_ERROR_CODES = ['ENCLAVE_USAGE', 'ENCLAVE_NSM_CHOICE'] as const;
type EnclaveProgramErrorCode = (typeof ENCLAVE_PROGRAM_ERROR_CODES)[number];

const usage = `usage: caisson-enclave config recv <vsock-port>
       caisson-enclave enclave [--hosts-file PATH] [--policy FILE]   config on standard input
       caisson-enclave network [--hosts-file PATH]                   the built-in network.service
       caisson-enclave initctl COMMAND                               the supervisor's socket; without COMMAND its usage
       caisson-enclave nsm                                           lines on standard input and output
       caisson-enclave pipeline listen --port 53000                  says that operators are served, or why not
       caisson-enclave supervise                                     started by PID 1, which it speaks to on descriptor 3
`;
// Given: sysexits.h EX_USAGE; argonaut's, initctl's and pipeline's own.
const usageExits: Readonly<Record<string, number>> = { 'caisson-enclave': 64, argonaut: 1, initctl: 2, pipeline: 2 };

/** Runs this process's command line and sets the exit code: 0, 1 failed, 64 usage, 130 or 143 stopped by a signal. */
export async function runEnclaveProgram(doors: EnclaveDoors): Promise<void> {
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(exitCodeOf(signal));
      stop.abort(signal);
    });
  }
  const { name, words } = readName(process.argv.slice(2));
  const usageExit = usageExits[name] ?? 64;
  try {
    if (words[0] === 'initctl') {
      const { stdout, stderr, env } = process;
      process.exitCode = await runInitctlVerb(words.slice(1), { stdout, stderr, env, stop: stop.signal, usageExit });
      return;
    }
    await runVerb(words, doors, stop.signal);
    process.exitCode = stop.signal.aborted ? exitCodeOf(stop.signal.reason) : 0;
  } catch (error) {
    const isStop = stop.signal.aborted && error === stop.signal.reason;
    process.exitCode = isStop ? exitCodeOf(error) : report(error, name, usageExit);
  }
}

/** A program name that is not ours has no effect; the words are taken as they are. */
function readName([first, called, ...rest]: readonly string[]): { name: string; words: readonly string[] } {
  const all = [first, called, ...rest].filter((word) => word !== undefined);
  if (first !== '--called-as' || called === undefined) return { name: 'caisson-enclave', words: all };
  if (called === 'initctl' || called === 'pipeline') return { name: called, words: [called, ...rest] };
  return { name: Object.hasOwn(usageExits, called) ? called : 'caisson-enclave', words: rest };
}

async function runVerb(words: readonly string[], doors: EnclaveDoors, stop: AbortSignal): Promise<void> {
  const { positionals, values } = parseWords(words);
  const verb = positionals[0] === 'config' ? positionals.slice(0, 2).join(' ') : positionals[0];
  const { env, stdin, stdout } = process;
  const say = openSay(env);
  const kernel = createLinuxKernel();
  const world = { stdin, stdout, env, kernel, say, stop };
  const root = doors.rootOf?.(env) ?? '';
  const hostsFile = values['hosts-file'] ?? `${root}/etc/hosts`;
  if (verb === 'config recv' && positionals.length === 3 && Object.keys(values).length === 0) {
    const port = parsePort(positionals[2] ?? '');
    return runConfigRecv({ port }, { ...world, transport: doors.openTransport(env, kernel, say) });
  }
  if (verb === 'enclave' && positionals.length === 1) {
    const files = { hostsFile, policyFile: values.policy };
    return runEnclave(files, { ...world, transport: doors.openTransport(env, kernel, say) });
  }
  if (verb === 'network' && positionals.length === 1 && values.policy === undefined) {
    const transport = doors.openTransport(env, kernel, say);
    const files = { imageFile: `${root}/etc/caisson/image.json`, configFile: `${root}/run/caisson/config.json` };
    return runNetwork({ ...files, hostsFile }, { ...world, transport });
  }
  if (verb === 'supervise' && positionals.length === 1 && Object.keys(values).length === 0) {
    const log = createLog({ level: parseLogLevel(env['LOG_LEVEL']), format: 'json', write: writeLine, now: Date.now });
    const transport = doors.openTransport(env, kernel, say);
    const host = openProcessHost();
    // Without PID 1 nothing can be decided or done; the next supervisor finds out why.
    void host.closed.then(() => process.exit(1));
    const openOwnNsm = () => doors.openOwnNsm(env, kernel);
    return runSupervise({ env, kernel, transport, host, log, stop, root, openOwnNsm });
  }
  if (verb === 'pipeline' && positionals[1] === 'listen' && positionals.length === 2 && values.port !== undefined) {
    const files = { operatorsFile: `${root}/etc/caisson/operators.json`, runFolder: `${root}/run/caisson` };
    return runPipelineListen(parsePort(values.port), { ...world, ...files });
  }
  if (verb === 'nsm' && positionals.length === 1 && Object.keys(values).length === 0) {
    return runNsm({ ...world, openNsm: () => doors.openNsm(env, kernel, say) });
  }
  throw misused(positionals.length === 0 ? 'a verb is missing' : `cannot run ${JSON.stringify(words.join(' '))}`);
}

function parseWords(words: readonly string[]) {
  try {
    return parseArgs({
      args: [...words],
      allowPositionals: true,
      options: { 'hosts-file': { type: 'string' }, policy: { type: 'string' }, port: { type: 'string' } },
    });
  } catch (cause) {
    throw misused(cause instanceof Error ? cause.message : String(cause));
  }
}

function parsePort(text: string): VsockPort {
  const port = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 4294967294)) throw misused(`vsock port must be an integer in 0..4294967294, got ${text}`);
  return toVsockPort(port);
}

function openSay(env: Environment): Say {
  const format: LogFormat = process.stderr.isTTY === true ? 'people' : 'json';
  const level = parseLogLevel(env['LOG_LEVEL']);
  return sayTo(createLog({ level, format, write: writeLine, now: Date.now }), format);
}

function writeLine(line: string): void {
  process.stderr.write(line);
}

function report(error: unknown, name: string, usageExit: number): number {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${name}: ${message}\n`);
  const isMisuse = error instanceof CaissonError && error.code === ('ENCLAVE_USAGE' satisfies EnclaveProgramErrorCode);
  if (isMisuse) process.stderr.write(usage);
  return isMisuse ? usageExit : 1;
}

function misused(message: string): ParseError<EnclaveProgramErrorCode> {
  return new ParseError('ENCLAVE_USAGE', message);
}

/** As a shell reports it: 128 plus the signal's number. */
function exitCodeOf(signal: unknown): number {
  return signal === 'SIGINT' ? 130 : 143;
}
