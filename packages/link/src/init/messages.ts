// What both ends of /run/init.sock agree on: requests, bounds, the names of lines. Requests are the reference's (externally tagged JSON:
// `"Ping"`, `{"ServiceStatus":{"name":"web"}}`) and the same names as methods of JSON-RPC 2.0 (docs/wire/init-control.md).

// Given: docs/wire/init-control.md.
export const MAX_INIT_REQUEST_BYTES = 64 << 10;
/** An answer may be as long as a log is; the asking end still has a bound. */
export const MAX_INIT_ANSWER_BYTES = 64 << 20;
export const DEFAULT_INIT_SOCKET = '/run/init.sock';
export const DEFAULT_LOG_LINES = 50;
export const MAX_LOG_LINES = 10_000;

export type BareVerb =
  | 'Ping'
  | 'ListServices'
  | 'ProcessList'
  | 'SystemStatus'
  | 'SystemReload'
  | 'SystemReboot'
  | 'SystemShutdown';
export type NameVerb =
  | 'ServiceStatus'
  | 'ServiceStart'
  | 'ServiceStop'
  | 'ServiceRestart'
  | 'ServiceEnable'
  | 'ServiceDisable'
  | 'ServiceLogsClear';
export type PidVerb = 'ProcessStatus' | 'ProcessStop' | 'ProcessRestart';

/** Names are service names without `.service`, pids are positive, signals 1..31. */
export type InitRequest =
  | { readonly verb: BareVerb }
  | { readonly verb: NameVerb; readonly name: string }
  | { readonly verb: 'ServiceLogs'; readonly name: string; readonly lines: number }
  /** `vsockPort` or `vsockCid`: the reference's form, in which the supervisor would dial back. */
  | {
      readonly verb: 'ServiceLogsStream';
      readonly name: string;
      readonly vsockCid: number | null;
      readonly vsockPort: number | null;
    }
  | { readonly verb: 'ServiceLogsStreamStop'; readonly name: string }
  | { readonly verb: PidVerb; readonly pid: number }
  | { readonly verb: 'ProcessKill'; readonly pid: number; readonly signal: number }
  | {
      readonly verb: 'ProcessStart';
      readonly command: string;
      readonly args: readonly string[];
      readonly env: readonly string[];
    };
export type InitVerb = InitRequest['verb'];

/** An answer in both forms: `tagged` is exactly the reference's shape, `result` has what else is known. */
export interface InitReply {
  readonly tagged: unknown;
  readonly result: unknown;
}
