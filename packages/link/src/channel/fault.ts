// The errors that the life of a connection ends or refuses with.
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { ChannelErrorCode } from './error-code.ts';
import { CHANNEL_VERSION } from './messages.ts';
import { parseRefusal } from './refusal.ts';

export function protocolFault(message: string): ParseError<ChannelErrorCode> {
  return new ParseError('CHANNEL_PROTOCOL', message);
}

export function closing(why: string): CaissonError<ChannelErrorCode> {
  return new CaissonError('CHANNEL_CLOSING', `no new requests: ${why}`);
}

export function closedHere(): CaissonError<ChannelErrorCode> {
  return new CaissonError('CHANNEL_CLOSED', 'the channel was closed by this end');
}

export function wentAway(payload: Uint8Array): CaissonError<ChannelErrorCode> {
  return closing(`the other end is going away (${parseRefusal(payload).remoteCode})`);
}

export function versionFault(versions: readonly number[]): ParseError<ChannelErrorCode> {
  const spoken = versions.join(', ') || 'none';
  const message = `the other end must speak version ${CHANNEL_VERSION}, it speaks ${spoken}`;
  return new ParseError('CHANNEL_VERSION', message);
}
