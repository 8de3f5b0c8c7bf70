// From a host to the addresses that are really dialled. Policy is judged on these and nothing is looked up again, so that
// a name which answers differently the second time (DNS rebinding) gains nothing.
import { lookup } from 'node:dns';
import { isIP } from 'node:net';
import { CaissonError } from '@caisson/core/errors';
import type { BridgeErrorCode } from './bridge-error.ts';
import { ipBytesOf } from './ip-bytes.ts';
import { isMetadataAddress } from './metadata.ts';
import { refusedMetadata } from './rule.ts';

/** All addresses of a name, preferred first, as literals. Should stop when `signal` aborts; is not trusted to. */
export type ResolveHost = (host: string, signal: AbortSignal) => Promise<readonly string[]>;

export interface TargetPolicy {
  /** Names the bridge in messages. */
  readonly what: string;
  readonly allowMetadata: boolean;
}

// Chosen: an answer with more is an attack or a mistake; RFC 8305 tries them one by one within one deadline.
const mostAddresses = 16;

/**
 * Literals in the order in which to try them: families alternate (RFC 8305 section 4). Throws PolicyError
 * BRIDGE_METADATA, CaissonError BRIDGE_RESOLVE, or the reason of `signal`.
 */
export async function resolveTargets(
  host: string,
  policy: TargetPolicy,
  resolve: ResolveHost,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const answers = isIP(host) === 0 ? await answersOf(host, policy, resolve, signal) : [host];
  for (const address of answers) {
    // Fails closed: what cannot be read cannot be judged.
    if (ipBytesOf(address) === undefined)
      throw unresolved(policy, host, `answer ${JSON.stringify(address)} is no address`);
    // One such answer among good ones is no accident; the whole name is refused.
    if (!policy.allowMetadata && isMetadataAddress(address)) throw refusedMetadata(policy.what, host, address);
  }
  return alternateFamilies(answers).slice(0, mostAddresses);
}

async function answersOf(
  host: string,
  policy: TargetPolicy,
  resolve: ResolveHost,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const answers = await untilAborted(
    resolve(host, signal).catch((cause: unknown) => {
      throw unresolved(policy, host, codeOf(cause), cause);
    }),
    signal,
  );
  if (answers.length === 0) throw unresolved(policy, host, 'no address');
  return answers;
}

// One lookup per name in flight: getaddrinfo(3) holds a thread of a small pool for as long as the name server is silent,
// so 500 connections to one silent name must not queue 500 lookups.
const lookups = new Map<string, Promise<readonly string[]>>();

/** getaddrinfo(3): hosts file, name server and search list as the system has them. */
export const resolveBySystem: ResolveHost = (host) => {
  const running = lookups.get(host);
  if (running !== undefined) return running;
  const started = new Promise<readonly string[]>((settle, fail) => {
    lookup(host, { all: true, order: 'verbatim' }, (error, addresses) => {
      lookups.delete(host);
      if (error === null) settle(addresses.map(({ address }) => address));
      else fail(error);
    });
  });
  lookups.set(host, started);
  return started;
};

function alternateFamilies(addresses: readonly string[]): string[] {
  const first = isIP(addresses[0] ?? '');
  const preferred = addresses.filter((address) => isIP(address) === first);
  const others = addresses.filter((address) => isIP(address) !== first);
  const longest = Math.max(preferred.length, others.length);
  return Array.from({ length: longest }, (_, index) => [preferred[index], others[index]])
    .flat()
    .filter((address) => address !== undefined);
}

/** `promise`, or a rejection with the reason of `signal` as soon as it aborts. The promise itself is left to itself. */
export function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((settle, fail) => {
    const abort = (): void => fail(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(settle, fail).finally(() => signal.removeEventListener('abort', abort));
  });
}

function unresolved(policy: TargetPolicy, host: string, why: string, cause?: unknown): CaissonError<BridgeErrorCode> {
  return new CaissonError('BRIDGE_RESOLVE', `${policy.what} cannot resolve ${host}: ${why}`, { cause });
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException | undefined)?.code ?? String(error);
}
