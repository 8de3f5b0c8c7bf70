// Carries out one command of initctl: asks, shows, follows. The exit code says how it went: 0, 1 for anything that was refused or
// broken, 130 or 143 when a signal ended a log that was followed.
import type { Writable } from 'node:stream';
import { CaissonError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { InitClient } from '../client.ts';
import type { InitctlPlan } from './command.ts';
import { renderResult } from './render.ts';

export interface InitctlWorld {
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Aborted with the name of the signal. */
  readonly stop: AbortSignal;
  /** Prints one JSON document; a followed log is one for each line. */
  readonly json: boolean;
  connect(): Promise<InitClient>;
  /** For --output: adds to the file, which only its owner may read. */
  openOutput(path: string): Writable;
}

/** Never rejects for what the supervisor or the connection does: that is a message and exit code 1. */
export async function runInitctl(plan: InitctlPlan, world: InitctlWorld): Promise<number> {
  const { stdout, stderr, json, stop } = world;
  if (plan.note !== undefined) stderr.write(`${plan.note}\n`);
  const output = plan.output === undefined ? stdout : world.openOutput(plan.output);
  const lines: string[] = [];
  let method = plan.calls[0]?.method ?? 'Ping';
  let client: InitClient | undefined;
  const wayOut = Promise.withResolvers<never>();
  const onStop = (): void => wayOut.reject(stop.reason);
  wayOut.promise.catch(() => {});
  stop.addEventListener('abort', onStop, { once: true });
  try {
    stop.throwIfAborted();
    const opening = world.connect();
    // A connection that comes after the signal has nobody to close it.
    opening.then((late) => stop.aborted && late.close()).catch(() => {});
    client = await Promise.race([opening, wayOut.promise]);
    let result: unknown;
    for (const call of plan.calls) {
      method = call.method;
      result = await Promise.race([client.call(call.method, call.params), wayOut.promise]);
      if (!json) lines.push(...renderResult(method, result));
    }
    // In a stream of lines each is a document; otherwise the last answer is the only one.
    const isFollowed = plan.follow !== undefined;
    if (json && !isFollowed) lines.push(JSON.stringify({ v: 1, method, result }));
    if (json && isFollowed) lines.push(...logsOf(result).map((line) => lineDocument(plan.follow ?? '', line)));
    for (const line of lines) output.write(`${line}\n`);
    if (plan.follow === undefined) return 0;
    await client.follow(
      plan.follow,
      ({ service, line }) => void output.write(`${json ? lineDocument(service, line) : plain(line)}\n`),
      stop,
    );
    return exitCodeOf(stop.reason);
  } catch (error) {
    if (stop.aborted) return exitCodeOf(stop.reason);
    const code = error instanceof CaissonError ? error.code : ((error as NodeJS.ErrnoException).code ?? 'INTERNAL');
    const message = error instanceof Error ? error.message : String(error);
    if (json) stdout.write(`${JSON.stringify({ v: 1, method, error: { code, message } })}\n`);
    else stderr.write(`✗ Error: ${plain(message)}\n`);
    if (!json && error instanceof CaissonError && error.hint !== undefined)
      stderr.write(`  hint: ${plain(error.hint)}\n`);
    return 1;
  } finally {
    stop.removeEventListener('abort', onStop);
    client?.close();
    if (output !== stdout) await new Promise<void>((resolve) => output.end(resolve));
  }
}

function lineDocument(service: string, line: string): string {
  return JSON.stringify({ v: 1, service, line });
}

function logsOf(result: unknown): readonly string[] {
  const { logs } = result as { readonly logs?: readonly string[] };
  return logs ?? [];
}

/** As a shell reports it: 128 plus the signal's number. */
function exitCodeOf(signal: unknown): number {
  return signal === 'SIGINT' ? 130 : 143;
}
