// The measured files of /etc/caisson inside an image: written by the builder, read by the supervisor.
export type {
  ImageComponent,
  ImageProfile,
  MeasuredConfigTerms,
  MeasuredEgress,
  MeasuredImage,
  MeasuredIngress,
} from './image.ts';
export type { MeasuredInit } from './init.ts';
export type { MeasuredOperator, MeasuredOperators } from './operator.ts';
export type { KillMode, MeasuredService, MeasuredServices, Readiness, RestartPolicy } from './service.ts';
