// What a channel fails with, and the one error that carries what the other end said.
import { CaissonError } from '@caisson/core/errors';

export const CHANNEL_ERROR_CODES = [
  'CHANNEL_CANCELLED',
  'CHANNEL_CLOSED',
  'CHANNEL_CLOSING',
  'CHANNEL_DEADLINE',
  'CHANNEL_FRAME_LATE',
  'CHANNEL_HANDLER',
  'CHANNEL_HELLO',
  'CHANNEL_HELLO_LATE',
  'CHANNEL_JSON',
  'CHANNEL_LOST',
  'CHANNEL_MESSAGE_SIZE',
  'CHANNEL_PROTOCOL',
  'CHANNEL_SILENT',
  'CHANNEL_STALLED',
  'CHANNEL_STREAM_ENDED',
  'CHANNEL_UNKNOWN_TYPE',
  'CHANNEL_VERSION',
] as const;
export type ChannelErrorCode = (typeof CHANNEL_ERROR_CODES)[number];

/** The other end answered with an error. `remoteCode` and `remoteText` are its words, in form and length checked, not in truth. */
export class RemoteError extends CaissonError<'CHANNEL_REMOTE'> {
  override readonly name = 'RemoteError';
  readonly remoteCode: string;
  readonly remoteText: string;
  /** What the handler put beside, at most 4,096 bytes; empty if nothing. */
  readonly detail: Uint8Array;

  constructor(remoteCode: string, remoteText: string, detail: Uint8Array) {
    super('CHANNEL_REMOTE', `the other end answered ${remoteCode}${remoteText === '' ? '' : `: ${remoteText}`}`);
    this.remoteCode = remoteCode;
    this.remoteText = remoteText;
    this.detail = detail;
  }
}
