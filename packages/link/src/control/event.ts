// What happens at the control port, for a log: who came, what he asked for, who was refused and why. Codes and names of the house, and no word that a
// stranger chose.
import type { Cid } from '@caisson/core/address';

interface OfSession {
  /** Counted from 1 in this boot. */
  readonly session: number;
  /** His name on the list. */
  readonly operator: string;
}

export type ControlEvent =
  | (OfSession & { readonly kind: 'opened'; readonly keySha256: string; readonly cid: Cid })
  /** `reason`: `closed`, or the code of what ended it. */
  | (OfSession & { readonly kind: 'ended'; readonly reason: string })
  | (OfSession & { readonly kind: 'asked'; readonly type: number; readonly verb: string })
  | (OfSession & { readonly kind: 'denied'; readonly verb: string; readonly code: string; readonly reason: string })
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string; readonly cid: Cid };
