// What argonaut's commands have in common on the command line: numbers as that tool read them, its transport and its log.
import { type Cid, toCid, toVsockPort, type VsockPort } from '@caisson/core/address';
import { createLog, type LogFormat, parseLogLevel } from '@caisson/core/log';
import type { Say } from '@caisson/link/argonaut';
import type { Transport } from '@caisson/link/transport';
import type { Kernel } from '@caisson/sys';
import { UsageError } from './exit-code.ts';
import type { Surroundings } from './surroundings.ts';

const mostU32 = 4294967294;

/** u32 without VMADDR_CID_ANY. */
export function parseCidWord(text: string, what = 'invalid CID'): Cid {
  return toCid(parseU32(text, what));
}

export function parsePortWord(text: string): VsockPort {
  return toVsockPort(parseU32(text, 'invalid VSOCK port'));
}

function parseU32(text: string, what: string): number {
  const value = /^[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= mostU32)) throw new UsageError(`${what}: ${text} (an integer in 0..${mostU32} is needed)`);
  return value;
}

export interface Session {
  readonly kernel: Kernel;
  readonly transport: Transport;
  readonly say: Say;
}

/** The kernel, the transport that CAISSON_VSOCK names, and the log on stderr. */
export async function openSession(surroundings: Surroundings): Promise<Session> {
  const { createLinuxKernel } = await import('@caisson/sys');
  const { openTransportFromEnvironment } = await import('@caisson/link/transport');
  const kernel = createLinuxKernel();
  return {
    kernel,
    transport: openTransportFromEnvironment(surroundings.env, kernel),
    say: await openSay(surroundings),
  };
}

export async function openSay({ name, env, stderr }: Pick<Surroundings, 'name' | 'env' | 'stderr'>): Promise<Say> {
  const { sayTo } = await import('@caisson/link/argonaut');
  const isTerminal = 'isTTY' in stderr && stderr.isTTY === true;
  const format: LogFormat = name === 'argonaut' ? 'argonaut' : isTerminal ? 'people' : 'json';
  const write = (line: string): void => void stderr.write(line);
  const level = parseLogLevel(env['LOG_LEVEL']);
  return sayTo(createLog({ level, format, write, now: Date.now, colour: isTerminal }), format);
}
