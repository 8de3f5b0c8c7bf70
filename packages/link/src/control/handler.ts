// What answers a request of an operator. The verb stands beside the code that carries it out, and the gate is in front of every one: a handler
// cannot be reached by a session whose operator may not.

import type { Handlers, IncomingCall, IncomingStream, MessageHandler, StreamHandler } from '../channel/handler.ts';
import { Refusal } from '../channel/refusal.ts';
import type { ControlCaller } from './caller.ts';
import type { ControlErrorCode } from './error-code.ts';
import type { ControlVerb } from './verb.ts';

interface ControlTerms {
  /** A function where it depends on what is asked; what it throws refuses. */
  readonly verb: ControlVerb | ((payload: Uint8Array) => ControlVerb);
  /** Waits for the enclave to be ready, or is refused with its phase. Default false. */
  readonly needsReady?: boolean;
}

export interface ControlMessageHandler extends ControlTerms {
  /** `payload` is this handler's to keep. */
  answer(
    payload: Uint8Array,
    call: IncomingCall,
    caller: ControlCaller,
  ): Uint8Array | undefined | Promise<Uint8Array | undefined>;
}

export interface ControlStreamHandler extends ControlTerms {
  /** As a StreamHandler's. */
  readonly pieces?: boolean;
  stream(stream: IncomingStream, caller: ControlCaller): Promise<void>;
}

/** By request type, 32..255 without 0x7B. */
export type ControlHandlers = Readonly<Record<number, ControlMessageHandler | ControlStreamHandler>>;

export interface ControlGate {
  readonly caller: ControlCaller;
  /** Rejects with why not. `payload` is what approvals are for. */
  admit(
    verb: ControlVerb,
    act: { readonly type: number; readonly payload: Uint8Array; readonly signal: AbortSignal },
    needsReady: boolean,
  ): Promise<void>;
}

/** The same as the channel takes them, each behind the gate. */
export function guardHandlers(handlers: ControlHandlers, gate: ControlGate): Handlers {
  return Object.fromEntries(Object.entries(handlers).map(([type, handler]) => [type, guard(handler, gate)]));
}

function guard(
  handler: ControlMessageHandler | ControlStreamHandler,
  gate: ControlGate,
): MessageHandler | StreamHandler {
  const admit = (payload: Uint8Array, { type, signal }: IncomingCall): Promise<void> => {
    const verb = typeof handler.verb === 'function' ? handler.verb(payload) : handler.verb;
    return gate.admit(verb, { type, payload, signal }, handler.needsReady ?? false);
  };
  if ('stream' in handler) {
    return {
      pieces: handler.pieces ?? false,
      async stream(stream) {
        await said(() => admit(stream.payload, stream));
        await said(() => handler.stream(stream, gate.caller));
      },
    };
  }
  return async (payload, call) => {
    // The channel's bytes are a view of what was read, which may be gone after the wait.
    const own = Uint8Array.from(payload);
    await said(() => admit(own, call));
    return await said(async () => handler.answer(own, call, gate.caller));
  };
}

/** An operator is let in to hear why: the words of this house's own errors reach him, those of a mistake in here do not. */
async function said<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Refusal || !isSpoken(error)) throw error;
    throw new Refusal(error.code, error.message.slice(0, maxWords));
  }
}

// Chosen: the bound of the channel's own error frames.
const maxWords = 1_000;

function isSpoken(error: unknown): error is Error & { readonly code: ControlErrorCode } {
  return (
    error instanceof Error && 'code' in error && typeof error.code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(error.code)
  );
}
