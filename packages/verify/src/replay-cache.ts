// Nonces that were used up. A document is found again by its nonce and never by a hash of its bytes: (r, n - s) is as good a signature
// as (r, s), so one document has two spellings that both verify.
import { toHex } from '@caisson/core/bytes';
import { LimitError } from '@caisson/core/errors';
import type { VerifyErrorCode } from './error-code.ts';
import { refusal } from './refuse.ts';

export interface ReplayCache {
  /** Entries that are kept now. */
  readonly size: number;
  /** Remembers `nonce` until `until`; both times in unix seconds. Throws VerificationError NONCE when it was taken before. */
  take(nonce: Uint8Array, now: number, until: number): void;
}

export interface ReplayCacheOptions {
  /** Default 65,536, about 12 MB. */
  readonly maxEntries?: number;
}

const defaultMaxEntries = 65_536;

/** Throws LimitError VERIFY_REPLAY_FULL from `take` rather than forget an entry that could still be replayed. */
export function createReplayCache({ maxEntries = defaultMaxEntries }: ReplayCacheOptions = {}): ReplayCache {
  if (!Number.isSafeInteger(maxEntries) || maxEntries < 1) {
    throw new TypeError(`maxEntries must be an integer >= 1, got ${maxEntries}`);
  }
  const ends = new Map<string, number>();
  const sweep = (now: number): void => {
    for (const [key, until] of ends) if (until < now) ends.delete(key);
  };
  return {
    get size() {
      return ends.size;
    },
    take(nonce, now, until) {
      const key = toHex(nonce);
      const end = ends.get(key);
      if (end !== undefined && end >= now) {
        throw refusal('NONCE', 'VERIFY_REPLAY', `nonce must be new, got ${key} a second time`, {
          expected: 'a nonce that was not used before',
          seen: key,
        });
      }
      if (ends.size >= maxEntries) sweep(now);
      if (ends.size >= maxEntries) {
        const message = `replay cache must have at most ${maxEntries} nonces that could be replayed, got one more`;
        throw new LimitError<VerifyErrorCode>('VERIFY_REPLAY_FULL', message);
      }
      ends.set(key, until);
    },
  };
}
