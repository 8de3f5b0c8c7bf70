// Bridges that run for as long as the process: all open or none, every connection in the log, and an end of one is the end of all,
// because a side that serves half of its config looks alive to everybody who does not need the other half.
import { CaissonError } from '@caisson/core/errors';
import type { Log, LogFormat } from '@caisson/core/log';
import type { Kernel } from '@caisson/sys';
import { type BridgeSet, openBridgeSet } from '../bridge/index.ts';
import type { Transport } from '../transport/transport.ts';
import { ConnectionLines, formatArgonautAddress } from './connection-line.ts';
import type { ArgonautErrorCode } from './error-code.ts';
import type { ArgonautKnobs } from './knob.ts';
import type { PlannedBridge } from './planned-bridge.ts';

/** One line for the log; `message` is argonaut's own wording. */
export interface SaidLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly code: string;
  readonly message: string;
  readonly fields?: Readonly<Record<string, string | number>>;
}

export type Say = (line: SaidLine) => void;

/** Fields stand in JSON only: argonaut's wording names everything already, and a person would read it twice. */
export function sayTo(log: Log, format: LogFormat): Say {
  return ({ level, code, message, fields }) => log[level](code, message, format === 'json' ? fields : undefined);
}

export interface ServeBridgesOptions {
  readonly planned: readonly PlannedBridge[];
  readonly knobs: ArgonautKnobs;
  readonly transport: Transport;
  readonly kernel: Kernel;
  readonly say: Say;
  /** Ends the bridges: no accept any more, a short grace for living connections, then abort. */
  readonly stop: AbortSignal;
  /** The last line before serving begins, for example `[traffic] ready`. */
  readonly readyLine: string;
  /** Called when every bridge accepts. */
  readonly onOpen?: (bridges: BridgeSet) => void;
}

// Chosen: answers on their way get out; whoever stops a side does not wait for idle keep-alive connections.
const stopGraceMs = 1_000;

/** Resolves when it was stopped. Throws what openBridgeSet throws, or CaissonError ARGONAUT_BRIDGE_ENDED. */
export async function serveBridges(options: ServeBridgesOptions): Promise<void> {
  const { planned, knobs, transport, kernel, say, stop } = options;
  const labels = new Map(planned.map(({ rule, label }) => [rule.name, label]));
  const lines = new ConnectionLines(labels, knobs.logConnections);
  const set = await openBridgeSet(
    planned.map(({ rule }) => rule),
    { transport, kernel, onEvent: (event) => lines.of(event).forEach(say) },
  );
  try {
    for (const { label } of planned) {
      const [listen, dial] = [formatArgonautAddress(label.listen, 'listen'), formatArgonautAddress(label.dial, 'dial')];
      const message = `[${label.side}] ${label.direction} ${listen} → ${dial}`;
      say({ level: 'info', code: 'BRIDGE_OPEN', message, fields: { listen, dial } });
    }
    say({ level: 'info', code: 'BRIDGES_READY', message: options.readyLine });
    options.onOpen?.(set);
    await untilStopped(set, stop);
  } finally {
    await set.drain(stopGraceMs);
  }
}

async function untilStopped(set: BridgeSet, stop: AbortSignal): Promise<void> {
  const stopped = Promise.withResolvers<void>();
  const finish = (): void => stopped.resolve();
  if (stop.aborted) return;
  stop.addEventListener('abort', finish, { once: true });
  try {
    await Promise.race([stopped.promise, set.ended]);
  } catch (cause) {
    throw ended(cause instanceof Error ? cause.message : String(cause), cause);
  } finally {
    stop.removeEventListener('abort', finish);
  }
  if (!stop.aborted) throw ended('its listener is gone');
}

function ended(reason: string, cause?: unknown): CaissonError<ArgonautErrorCode> {
  return new CaissonError('ARGONAUT_BRIDGE_ENDED', `bridge exited unexpectedly: ${reason}`, { cause });
}
