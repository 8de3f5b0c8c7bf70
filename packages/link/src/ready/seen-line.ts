// What a host has seen of one enclave on its ready line, as a pure machine:
//
//            state                       silence
//  waiting ────────► open ◄─────────────────────────► silent
//     ▲               │ │ connection gone               │
//     │               │ └────────────► lost ◄───────────┘     lost: the enclave may come back or may have died; nobody knows
//     │  (new boot)   │ final line      │ state
//     └───────────── ended ◄────────────┘
//
// A state with a new boot id begins anew: what was seen of the boot before is forgotten by this machine, not by who listens to it.
import { ParseError } from '@caisson/core/errors';
import type { ReadyErrorCode } from './error-code.ts';
import type { SeenFinal, SeenMessage, SeenState } from './line.ts';
import { MAX_WORDS_SERVICES } from './messages.ts';
import { type SeenWords, WordsAssembly } from './words-part.ts';

export type LineStanding = 'waiting' | 'open' | 'silent' | 'lost' | 'ended';

export type ReadyEvent =
  | { readonly kind: 'state'; readonly state: SeenState; readonly isNewBoot: boolean }
  | { readonly kind: 'words'; readonly words: SeenWords }
  | { readonly kind: 'final'; readonly final: SeenFinal }
  | { readonly kind: 'silent'; readonly forMs: number }
  /** Without a last line before it. `fault`: the host closed it, because of what it read. */
  | { readonly kind: 'lost'; readonly fault: Error | undefined };

export class SeenLine {
  #standing: LineStanding = 'waiting';
  #state: SeenState | undefined;
  #final: SeenFinal | undefined;
  readonly #words = new Map<string, SeenWords>();
  #assembly = new WordsAssembly();
  /** Of this connection; the first state names it. */
  #bootId: string | undefined;

  get standing(): LineStanding {
    return this.#standing;
  }

  /** The last state; undefined before the first. */
  get state(): SeenState | undefined {
    return this.#state;
  }

  get final(): SeenFinal | undefined {
    return this.#final;
  }

  /** By service, of this boot. */
  get words(): readonly SeenWords[] {
    return [...this.#words.values()];
  }

  /** A new connection: nothing that it says counts before it has named its boot. */
  connected(): void {
    this.#bootId = undefined;
    this.#assembly = new WordsAssembly();
  }

  /** Throws ParseError READY_LINE_FORM for what cannot come now. */
  take(message: SeenMessage): ReadyEvent | undefined {
    if (message.kind === 'state') return this.#takeState(message);
    if (this.#bootId === undefined || this.#standing === 'ended') {
      throw new ParseError<ReadyErrorCode>('READY_LINE_FORM', `ready line: ${message.kind} must follow a state`);
    }
    if (message.kind === 'final') {
      this.#standing = 'ended';
      this.#final = message;
      return { kind: 'final', final: message };
    }
    const words = this.#assembly.add(message);
    if (words === undefined) return undefined;
    if (!this.#words.has(words.service) && this.#words.size >= MAX_WORDS_SERVICES) return undefined;
    this.#words.set(words.service, words);
    return { kind: 'words', words };
  }

  silent(forMs: number): ReadyEvent | undefined {
    if (this.#standing !== 'open') return undefined;
    this.#standing = 'silent';
    return { kind: 'silent', forMs };
  }

  lost(fault: Error | undefined): ReadyEvent | undefined {
    if (this.#standing === 'open' || this.#standing === 'silent') this.#standing = 'lost';
    else if (fault === undefined) return undefined;
    return { kind: 'lost', fault };
  }

  #takeState(state: SeenState): ReadyEvent {
    const isNewBoot = state.bootId !== this.#state?.bootId;
    if (this.#bootId !== undefined && state.bootId !== this.#bootId) {
      throw new ParseError<ReadyErrorCode>('READY_LINE_FORM', 'ready line: bootId must not change on one connection');
    }
    if (this.#standing === 'ended' && !isNewBoot) {
      throw new ParseError<ReadyErrorCode>('READY_LINE_FORM', 'ready line: a boot that has ended cannot go on');
    }
    if (isNewBoot) {
      this.#final = undefined;
      this.#words.clear();
    }
    this.#bootId = state.bootId;
    this.#state = state;
    this.#standing = 'open';
    return { kind: 'state', state, isNewBoot };
  }
}
