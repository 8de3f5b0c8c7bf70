// Turns the events of a shim into the phases of the timeline.
import { tellVainWait } from './config-wait.ts';
import type { FollowOptions } from './follow.ts';
import type { Verdict } from './result.ts';
import type { Timeline } from './timeline.ts';

// Warnings such as `DEBUG: ...` and `NOT ISOLATED: ...`.
const shouts = /^[A-Z]{2}[A-Z ]*: /;

/** `waitMs`: how long the phase `config` waits for nothing. Phases come as events with their times. What only the newest state knows is added at the end. */
export function createTeller(timeline: Timeline, waitMs?: number): Pick<FollowOptions, 'onEvent' | 'onState'> {
  let restarts: number | undefined;
  const told = new Set<string>();
  return {
    onEvent({ code, time, fields, message }) {
      const phase = fields['phase'];
      if (code === 'BACKEND_DIFFERS') timeline.note('info', message);
      if (code !== 'ENCLAVE_PHASE') return;
      if (phase === 'booting') timeline.begin('heartbeat', Date.parse(time));
      if (phase === 'config' && timeline.open !== phase) {
        timeline.begin(phase, Date.parse(time), waitMs);
        if (waitMs !== undefined) tellVainWait(waitMs, timeline);
      }
      if (phase === 'services') timeline.begin(phase, Date.parse(time));
      if (phase === 'ready' && timeline.open !== undefined) timeline.begin('ready', Date.parse(time));
    },
    onState({ phase, cid, backend, heartbeatMs, readyMs, departures, restarts: count, end }) {
      if (restarts !== undefined && count > restarts) {
        timeline.note('warn', `ended and starts again (${count}): ${end?.text ?? 'nobody saw how'}`);
        timeline.restart();
      }
      restarts = count;
      for (const one of departures) if (!told.has(one)) timeline.note(shouts.test(one) ? 'warn' : 'info', one);
      for (const one of departures) told.add(one);
      if (phase !== 'ready' || timeline.open === undefined || timeline.open === 'verified') return;
      timeline.begin('ready');
      timeline.done(`${backend}${cid === null ? '' : `, CID ${cid}`}`, readyMs ?? heartbeatMs ?? undefined);
    },
  };
}

export function tellVerdict(verdict: Verdict, timeline: Timeline): void {
  if (verdict.holds) {
    timeline.done(
      verdict.simulated
        ? 'SIMULATED: its document holds under a root made here'
        : 'its document holds under the root of AWS',
    );
  } else if (verdict.broken) timeline.failed(verdict.why);
  else timeline.done(`not verified: ${verdict.why}`);
}
