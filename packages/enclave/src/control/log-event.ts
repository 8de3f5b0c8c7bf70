// The log of the control port (docs/control.md): who came, what he asked for, who was refused and why. Who is refused is anybody, so that many
// refusals are counted instead of written: a log that a stranger can fill is one in which nothing is found.
import type { Log } from '@caisson/core/log';
import type { ControlEvent } from '@caisson/link/control';

// Chosen.
const refusalsASecond = 10;

export function createEventLog(log: Log, nowMs: () => number = () => performance.now()): (event: ControlEvent) => void {
  let [secondMs, written, uncounted] = [nowMs(), 0, 0];
  const mayWrite = (): boolean => {
    if (nowMs() - secondMs >= 1_000) {
      if (uncounted > 0) log.warn('CONTROL_REFUSED', 'further peers were refused', { count: uncounted });
      [secondMs, written, uncounted] = [nowMs(), 0, 0];
    }
    written += 1;
    if (written <= refusalsASecond) return true;
    uncounted += 1;
    return false;
  };
  return (event) => {
    switch (event.kind) {
      case 'opened': {
        const { session, operator, keySha256, cid } = event;
        return log.info('CONTROL_OPENED', 'an operator has come', { session, operator, keySha256, cid });
      }
      case 'ended':
        return log.info('CONTROL_ENDED', 'a session has ended', {
          session: event.session,
          operator: event.operator,
          reason: event.reason,
        });
      case 'asked':
        return log.info('CONTROL_ASKED', 'an operator acts', {
          session: event.session,
          operator: event.operator,
          verb: event.verb,
          type: event.type,
        });
      case 'denied':
        return log.warn('CONTROL_DENIED', 'an operator may not', {
          session: event.session,
          operator: event.operator,
          verb: event.verb,
          reason: event.code,
        });
      case 'refused':
        if (mayWrite()) log.warn('CONTROL_REFUSED', event.reason, { reason: event.code, cid: event.cid });
        return;
    }
  };
}
