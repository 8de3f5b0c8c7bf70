// Control of the supervisor over its unix socket: both ends.

export type { PeerCredentials } from '@caisson/sys';
export type { PlainRequest } from './answer-request.ts';
export { answerRequest, isStreamRequest } from './answer-request.ts';
export type { FollowedLine, InitClient, InitClientOptions } from './client.ts';
export { openInitClient } from './client.ts';
export type {
  Control,
  ProcessCommand,
  ProcessView,
  ReloadView,
  ServiceLogLine,
  ServicePhase,
  ServiceView,
  SystemView,
} from './control.ts';
export type { InitSocketErrorCode } from './error-code.ts';
export { INIT_SOCKET_ERROR_CODES } from './error-code.ts';
export type { InitRequest, InitVerb } from './messages.ts';
export { MAX_INIT_REQUEST_BYTES } from './messages.ts';
export { INIT_VERBS, parseCall } from './parse-request.ts';
export type { InitSocketServerOptions } from './server.ts';
export { serveInitSocket } from './server.ts';
