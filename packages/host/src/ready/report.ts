// What a wait has seen, and its words for people. A port that accepts is not called ready anywhere in here.
import { CaissonError, type CaissonErrorOptions } from '@caisson/core/errors';
import {
  formatReason,
  type HealthOutcome,
  type LineStanding,
  type SeenHealth,
  type SeenState,
  type SeenWords,
} from '@caisson/link/ready';
import type { HostReadyErrorCode } from './error-code.ts';

export interface ReadyReport {
  readonly ready: boolean;
  readonly cid: number;
  readonly port: number;
  readonly waitedMs: number;
  /** How often the port was dialled. */
  readonly attempts: number;
  /** What became of the last dial; null before the first has ended. */
  readonly outcome: HealthOutcome | null;
  /** The last answer, which may be older than the last dial. */
  readonly health: SeenHealth | null;
  /** What came over the ready line; null: nobody listened there for this wait. */
  readonly line: SeenLineReport | null;
}

export interface SeenLineReport {
  readonly standing: LineStanding;
  readonly state: SeenState | null;
  readonly final: { readonly exit: number; readonly code: string } | null;
  readonly lastWords: readonly SeenWords[];
}

/** The wait ended otherwise; `report` says how far it came. Code READY_LATE or READY_FAILED. */
export class NotReadyError extends CaissonError<HostReadyErrorCode> {
  override readonly name = 'NotReadyError';
  readonly report: ReadyReport;

  constructor(code: HostReadyErrorCode, message: string, report: ReadyReport, options: CaissonErrorOptions) {
    super(code, message, options);
    this.report = report;
  }
}

/** The newer of what the line and the port said: the line pushes, the port was asked. */
export function lastPhase({ line, health }: ReadyReport): string | null {
  return line?.state?.phase ?? health?.phase ?? health?.status ?? null;
}

export function lastReasons({ line, health }: ReadyReport): readonly string[] {
  const reasons = line?.state?.reasons ?? health?.reasons ?? [];
  return reasons.map(formatReason);
}

export function bootIdOf({ line, health }: ReadyReport): string | null {
  return line?.state?.bootId ?? health?.bootId ?? null;
}

/** One clause: `accepts and never answers`. */
export function describeOutcome(outcome: HealthOutcome): string {
  switch (outcome.kind) {
    case 'answered': {
      const { status, phase, reasons } = outcome.health;
      const why = reasons.length === 0 ? '' : `: ${reasons.map(formatReason).join(', ')}`;
      return `answers ${status}${phase === null || phase === status ? '' : `, phase ${phase}`}${why}`;
    }
    case 'declined':
      return `answers that it will not say: ${outcome.error}`;
    case 'refused':
      return 'refuses: nobody listens';
    case 'unreachable':
      return `cannot be reached: ${outcome.code}`;
    case 'silent':
      return outcome.bytes === 0
        ? 'accepts and never answers'
        : `accepts, begins an answer (${outcome.bytes} bytes) and never ends it`;
    case 'closed-early':
      return outcome.bytes === 0
        ? 'accepts and closes without an answer'
        : `accepts and closes in the middle of an answer (${outcome.bytes} bytes)`;
    case 'garbage':
      return `answers something that is no answer: ${outcome.why}`;
  }
}

/** What a person can do about the last outcome. */
export function adviseOn(outcome: HealthOutcome | null): string {
  switch (outcome?.kind) {
    case 'refused':
      return 'is the enclave up, and is this its CID? an image without our supervisor has no health port: name its own with --port';
    case 'unreachable':
      return 'no such CID now: caisson ps, or nitro-cli describe-enclaves, shows which run';
    case 'silent':
      return 'somebody listens and is stuck: a kernel accepts for a process that hangs';
    case 'closed-early':
      return 'somebody listens and dies, or counts this host out: see the console of the enclave';
    case 'garbage':
      return 'another protocol lives on that port: is it the right one?';
    default:
      return 'a longer --timeout, or the reasons above';
  }
}
