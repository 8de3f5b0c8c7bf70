// Approvals that wait for their act, for the whole enclave: one operator may bring another's. Each act is done once, so a recorded approval is worth
// nothing after it; what has been used is remembered as long as its approvals would hold.
import { equalBytes, toHex } from '@caisson/core/bytes';
import { LimitError } from '@caisson/core/errors';
import { MAX_APPROVAL_SECONDS, refusal, type SignedApproval, verifyApproval } from './approval.ts';
import type { ControlAuthority } from './authority.ts';
import type { ControlErrorCode } from './error-code.ts';
import type { ControlVerb } from './verb.ts';

export interface QuorumOptions {
  readonly authority: ControlAuthority;
  readonly bootId: Uint8Array;
  readonly serverKeySha256: Uint8Array;
  /** Unix seconds. */
  readonly now: () => number;
}

interface WaitingAct {
  readonly verb: ControlVerb;
  readonly actSha256: Uint8Array;
  readonly notAfter: number;
  /** Hex hashes of the keys that signed. */
  readonly by: Set<string>;
}

// Chosen: what operators can have open at once.
const maxActs = 1_024;

export class Quorum {
  readonly #options: QuorumOptions;
  readonly #waiting = new Map<string, WaitingAct>();
  readonly #used = new Map<string, number>();

  constructor(options: QuorumOptions) {
    this.#options = options;
  }

  /** Counts one approval towards its act. Rejects PolicyError CONTROL_APPROVAL or CONTROL_VERB, LimitError CONTROL_BUSY. */
  async take(signed: SignedApproval): Promise<void> {
    const { authority, bootId, serverKeySha256, now } = this.#options;
    const { by, actId, actSha256, verb, notAfter, ...about } = await verifyApproval(signed);
    if (!equalBytes(about.bootId, bootId)) throw refusal('it is for another boot');
    if (!equalBytes(about.serverKeySha256, serverKeySha256)) throw refusal('it is for another enclave');
    authority.verifyVerb(by, verb);
    const at = now();
    if (notAfter <= at || notAfter > at + MAX_APPROVAL_SECONDS) {
      throw refusal(`it must hold now and end within ${MAX_APPROVAL_SECONDS} s, got ${notAfter} at ${at}`);
    }
    this.#sweep(at);
    const id = toHex(actId);
    if (this.#used.has(id)) throw refusal('its act has been done');
    const known = this.#waiting.get(id);
    if (known === undefined) {
      if (this.#waiting.size + this.#used.size >= maxActs) {
        throw new LimitError<ControlErrorCode>('CONTROL_BUSY', `at most ${maxActs} acts may be approved at a time`);
      }
      this.#waiting.set(id, { verb, actSha256, notAfter, by: new Set([by]) });
      return;
    }
    const isSame = known.verb === verb && known.notAfter === notAfter && equalBytes(known.actSha256, actSha256);
    if (!isSame) throw refusal('it must be for the same act, verb and time as the one before');
    known.by.add(by);
  }

  /** Uses up the approvals of an act. Throws PolicyError CONTROL_APPROVAL where too few operators have approved it. */
  spend(verb: ControlVerb, actSha256: Uint8Array): void {
    const { authority, now } = this.#options;
    const at = now();
    this.#sweep(at);
    const { threshold } = authority;
    let most = 0;
    for (const [id, act] of this.#waiting) {
      if (act.verb !== verb || !equalBytes(act.actSha256, actSha256)) continue;
      // Who has lost the verb since no longer counts.
      const count = [...act.by].filter((key) => isAllowed(authority, key, verb)).length;
      most = Math.max(most, count);
      if (count < threshold) continue;
      this.#waiting.delete(id);
      this.#used.set(id, act.notAfter);
      return;
    }
    throw refusal(`${verb} must have been approved by ${threshold} operators, got ${most}`);
  }

  #sweep(at: number): void {
    for (const [id, { notAfter }] of this.#waiting) if (notAfter <= at) this.#waiting.delete(id);
    for (const [id, notAfter] of this.#used) if (notAfter <= at) this.#used.delete(id);
  }
}

function isAllowed(authority: ControlAuthority, key: string, verb: ControlVerb): boolean {
  try {
    authority.verifyVerb(key, verb);
    return true;
  } catch {
    return false;
  }
}
