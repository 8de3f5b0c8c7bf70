// Runs a set of bridges for a command until it is told to stop: says where they listen, logs connections, reloads, drains,
// and sums up. Shared by `bridge` and by the two older names over it.
import { formatAddress } from '@caisson/core/address';
import { createLog, type Log, parseLogLevel } from '@caisson/core/log';
import type { Bridge, BridgeRule, BridgeSet } from '@caisson/link/bridge';
import { createBridgeLog } from './bridge-log.ts';
import type { Surroundings } from './surroundings.ts';

export interface BridgeRun {
  readonly rules: readonly BridgeRule[];
  /** Reads the rules again; absent when there is no file to read. */
  readonly readAgain?: () => Promise<readonly BridgeRule[]>;
  /** One document on stdout at the end, JSON lines on stderr. */
  readonly json: boolean;
}

// Given: what SIGTERM promises.
const graceMs = 10_000;

/** Throws what openBridgeSet throws, and the failure of a listener that broke. */
export async function runBridges(run: BridgeRun, surroundings: Surroundings): Promise<void> {
  const { env, stdout, stop } = surroundings;
  const { openBridgeSet } = await import('@caisson/link/bridge');
  const { openTransportFromEnvironment } = await import('@caisson/link/transport');
  const { createLinuxKernel } = await import('@caisson/sys');
  const log = openLog(run.json, surroundings);
  const kernel = createLinuxKernel();
  const transport = openTransportFromEnvironment(env, kernel);
  const bridges = await openBridgeSet(run.rules, { transport, kernel, onEvent: createBridgeLog(log) });
  try {
    for (const bridge of bridges.bridges) tellOpened(bridge);
    surroundings.onReload(() => void reload(bridges, run, log, tellOpened));
    await Promise.race([bridges.ended, aborted(stop)]);
    log.info('BRIDGE_DRAINING', `no new connections; living ones have ${graceMs} ms`);
  } finally {
    await bridges.drain(graceMs);
  }
  stdout.write(run.json ? `${JSON.stringify(summaryOf(bridges))}\n` : `${summaryLine(bridges)}\n`);

  function tellOpened({ rule, address, plane }: Bridge): void {
    const [listen, dial] = [formatAddress(address), formatAddress(rule.dial)];
    if (run.json) log.info('BRIDGE_LISTENING', 'listening', { bridge: rule.name, listen, dial, plane });
    else stdout.write(`listening on ${listen}, dialling ${dial} (${plane})\n`);
  }
}

function openLog(json: boolean, { env, stderr }: Surroundings): Log {
  const terminal = 'isTTY' in stderr && stderr.isTTY === true;
  return createLog({
    level: parseLogLevel(env['LOG_LEVEL']),
    format: json || !terminal ? 'json' : 'people',
    colour: terminal,
    write: (line) => void stderr.write(line),
    now: Date.now,
  });
}

/** A file that cannot be used changes nothing: what runs goes on as it was. */
async function reload(bridges: BridgeSet, run: BridgeRun, log: Log, tell: (bridge: Bridge) => void): Promise<void> {
  if (run.readAgain === undefined) {
    log.warn('BRIDGE_RELOAD', 'nothing to reload: no rules file was given');
    return;
  }
  try {
    const { opened, stopped, limited } = await bridges.reload(await run.readAgain());
    for (const bridge of opened) tell(bridge);
    for (const { rule } of stopped) log.info('BRIDGE_STOPPED', 'listens no more', { bridge: rule.name });
    const counts = { opened: opened.length, stopped: stopped.length, limited: limited.length };
    log.info('BRIDGE_RELOAD', 'rules reloaded', counts);
  } catch (error) {
    log.error('BRIDGE_RELOAD', `rules not reloaded, the old ones go on: ${(error as Error).message}`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((settle) => {
    if (signal.aborted) settle();
    else signal.addEventListener('abort', () => settle(), { once: true });
  });
}

/** docs/schema/bridge.json. */
function summaryOf(set: BridgeSet): object {
  const { accepted, refused, failed, forwardBytes, backwardBytes } = set.counters();
  const bridges = set.bridges.map(({ rule, address, plane }) => ({
    name: rule.name,
    listen: formatAddress(address),
    dial: formatAddress(rule.dial),
    plane,
  }));
  return { v: 1, bridges, accepted, refused, failed, forwardBytes, backwardBytes };
}

function summaryLine(set: BridgeSet): string {
  const { accepted, refused, failed, forwardBytes, backwardBytes } = set.counters();
  return (
    `carried ${accepted} connections (${refused} refused, ${failed} failed): ` +
    `${forwardBytes} bytes forward, ${backwardBytes} bytes backward`
  );
}
