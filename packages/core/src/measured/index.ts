// The measured files of /etc/caisson inside an image: written by the builder, read by the supervisor.

export type { MeasuredErrorCode } from './error-code.ts';
export { MEASURED_ERROR_CODES } from './error-code.ts';
export type { GraphFault, ServiceGraph, ServiceLinks, ServiceRelation } from './graph.ts';
export { buildServiceGraph, describeGraphFault, isFatalFault } from './graph.ts';
export type {
  ImageComponent,
  ImageProfile,
  MeasuredConfigTerms,
  MeasuredEgress,
  MeasuredImage,
  MeasuredIngress,
} from './image.ts';
export type { MeasuredInit } from './init.ts';
export type { MeasuredKeyAlgorithm } from './key.ts';
export { isSpkiOf } from './key.ts';
export type { NetworkConflict, WayIn, WayOut } from './network.ts';
export { findNetworkConflict, waysInOf, waysOutOf } from './network.ts';
export type { MeasuredFileRoot, MeasuredOperator, MeasuredOperators } from './operator.ts';
export { MAX_MEASURED_IMAGE_BYTES, parseMeasuredImage, VERSION_FORM, writeMeasuredImage } from './parse-image.ts';
export {
  DEFAULT_INIT,
  INIT_LIMITS,
  MAX_MEASURED_INIT_BYTES,
  MAX_SOCKET_PATH_CHARACTERS,
  parseMeasuredInit,
  plainPathForm,
  writeMeasuredInit,
} from './parse-init.ts';
export {
  MAX_MEASURED_OPERATORS_BYTES,
  OPERATOR_LIMITS,
  parseMeasuredOperators,
  writeMeasuredOperators,
} from './parse-operator.ts';
export {
  httpPathForm,
  MAX_MEASURED_SERVICES_BYTES,
  MAX_SERVICES,
  parseMeasuredServices,
  SERVICE_LIMITS,
  writeMeasuredServices,
} from './parse-service.ts';
export type { KillMode, MeasuredService, MeasuredServices, Readiness, RestartPolicy } from './service.ts';
export { isServiceName, SERVICE_NAME_RULE } from './service-name.ts';
export { environmentNameForm } from './shape.ts';
export { MAX_SIGNAL, signalName, signalNumber } from './signal.ts';
export type { SplitFault } from './split-words.ts';
export { joinWords, splitWords } from './split-words.ts';
