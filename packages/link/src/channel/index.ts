// The message channel: pipelined messages over one stream.
export type { Done, OpenOptions, OutgoingStream, RequestOptions } from './call.ts';
export type { Channel } from './channel.ts';
export { createChannel } from './channel.ts';
export type { ChannelErrorCode } from './error-code.ts';
export { CHANNEL_ERROR_CODES, RemoteError } from './error-code.ts';
export type { Handlers, IncomingCall, IncomingStream, MessageHandler, StreamHandler } from './handler.ts';
export type { AskJsonOptions, JsonOutcome } from './json-client.ts';
export { askJson } from './json-client.ts';
export type { AnswerJson } from './json-server.ts';
export { MAX_JSON_BYTES, serveJson } from './json-server.ts';
export { MAX_CHUNK_BYTES } from './messages.ts';
export type { ChannelOptions } from './options.ts';
export { Refusal } from './refusal.ts';
export type { ChannelStats, Histogram } from './stats.ts';
