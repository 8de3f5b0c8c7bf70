// Control of the supervisor over its unix socket: both ends.
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
