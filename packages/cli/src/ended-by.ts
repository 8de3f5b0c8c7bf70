// The exit code of work that a signal may cut short. What it rejects with then is how it stopped, not a failure.
// `endedBy` is for work with an end of its own, `untilStopped` for work that only a signal ends.
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

/** The same, but work that resolves because of the signal was ended by it too. Rejects with anything but the reason of `stop`. */
export async function untilStopped(work: Promise<void>, stop: AbortSignal): Promise<number> {
  try {
    await work;
  } catch (error) {
    if (!stop.aborted || error !== stop.reason) throw error;
  }
  return stop.aborted ? endedCode(stop) : EXIT_OK;
}

/** For a `stop` that is aborted. */
export function endedCode(stop: AbortSignal): number {
  return stop.reason === 'SIGINT' ? 130 : 143;
}
