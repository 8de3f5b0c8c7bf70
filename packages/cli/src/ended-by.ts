// The exit code of work that a signal may cut short. What it rejects with then is how it stopped, not a failure.
import { EXIT_OK } from './exit-code.ts';

/** 0, or 128 plus the signal's number. Rejects as `work` does when nobody asked it to stop. */
export async function endedBy(stop: AbortSignal, work: Promise<void>): Promise<number> {
  try {
    await work;
    return EXIT_OK;
  } catch (error) {
    if (!stop.aborted) throw error;
    return endedCode(stop);
  }
}

/** For a `stop` that is aborted. */
export function endedCode(stop: AbortSignal): number {
  return stop.reason === 'SIGINT' ? 130 : 143;
}
