// How far a copy is: one line that is rewritten on a terminal, nothing elsewhere.

import type { Writable } from 'node:stream';
import { plain } from '@caisson/core/log';
import { sizeText } from './size-text.ts';

export interface CopyProgress {
  readonly onPlan: (plan: { readonly files: number; readonly bytes: number }) => void;
  readonly onProgress: (bytes: number, file: string) => void;
  /** Removes the progress line. */
  end(): void;
}

const everyMs = 100;

export function createCopyProgress(out: Writable, nowMs: () => number = () => performance.now()): CopyProgress {
  const isTerminal = (out as { isTTY?: boolean }).isTTY === true;
  const beganMs = nowMs();
  let [total, shownMs, isShown] = [0, 0, false];
  return {
    onPlan(plan) {
      total = plan.bytes;
    },
    onProgress(bytes, file) {
      const now = nowMs();
      if (!isTerminal || now - shownMs < everyMs) return;
      shownMs = now;
      isShown = true;
      out.write(
        `\r\x1b[K${formatProgress({ bytes, total, seconds: (now - beganMs) / 1_000 })}  ${plain(file).slice(-40)}`,
      );
    },
    end() {
      if (isShown) out.write('\r\x1b[K');
    },
  };
}

export function formatProgress(state: {
  readonly bytes: number;
  readonly total: number;
  readonly seconds: number;
}): string {
  const { bytes, total, seconds } = state;
  const percent = total === 0 ? 100 : Math.min(100, Math.floor((bytes / total) * 100));
  const rate = seconds > 0 ? bytes / seconds : 0;
  const left = rate > 0 ? formatSeconds(Math.max(0, total - bytes) / rate) : '--:--';
  return `${String(percent).padStart(3)}%  ${sizeText(bytes)} of ${sizeText(total)}  ${sizeText(rate)}/s  ${left} left`;
}

function formatSeconds(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const tail = `${String(minutes).padStart(2, '0')}:${String(whole % 60).padStart(2, '0')}`;
  return hours === 0 ? tail : `${hours}:${tail}`;
}
