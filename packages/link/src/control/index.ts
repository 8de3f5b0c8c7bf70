// The control channel: an operator's session with an enclave, and who may open one. Both ends.
export type { Approval, SignedApproval } from './approval.ts';
export { hashAct, MAX_APPROVAL_SECONDS, signApproval, verifyApproval } from './approval.ts';
export type { ApprovalRequest } from './approval-file.ts';
export { encodeApprovalFile, encodeApprovalRequest, parseApprovalFile, parseApprovalRequest } from './approval-file.ts';
export type { ApproveRequest } from './approving-channel.ts';
export { createApprovingChannel } from './approving-channel.ts';
export type { ControlAuthority, ControlAuthorityOptions } from './authority.ts';
export { createControlAuthority } from './authority.ts';
export type { EnclaveFacts, SessionBinding } from './binding.ts';
export type { ControlCaller } from './caller.ts';
export type { ConnectControlOptions, ControlSession } from './client.ts';
export { connectControl, said } from './client.ts';
export { describeOperatorList } from './describe-list.ts';
export type { ControlErrorCode, ControlRefusal } from './error-code.ts';
export { CONTROL_ERROR_CODES } from './error-code.ts';
export type { ControlEvent } from './event.ts';
export type { ControlHandlers, ControlMessageHandler, ControlStreamHandler } from './handler.ts';
export type { ControlIdentity } from './identity.ts';
export { createControlIdentity } from './identity.ts';
export { createControlInitClient } from './init-client.ts';
export { createInitHandlers } from './init-handler.ts';
export { CONTROL_PORT } from './messages.ts';
export type { ProvenEnclave } from './open-client.ts';
export type { IssueDocument } from './open-server.ts';
export type { OperatorList, UnverifiedOperatorList } from './operator-list.ts';
export {
  MAX_LIST_SECONDS,
  MAX_OPERATOR_LIST_BYTES,
  parseOperatorList,
  signOperatorList,
  verifyOperatorList,
} from './operator-list.ts';
export type { Readiness } from './readiness.ts';
export { CONTROL_REQUEST } from './request-type.ts';
export type { ControlServer, ControlServerLimits, ControlServerOptions } from './server.ts';
export { serveControl } from './server.ts';
export type { SessionInfo } from './session-info.ts';
export type { ControlVerb } from './verb.ts';
export { CONTROL_VERBS, EVERY_VERB, isControlVerb } from './verb.ts';
