// What one boot of an enclave works with, and what comes of it.
import type { CaissonError } from '@caisson/core/errors';
import type { Kernel, NativeEngine } from '@caisson/sys';
import type { Backend } from '../backend/index.ts';
import type { EnclaveFolder, RecordedSpec, RecordedState } from '../record/index.ts';
import type { ShimClock } from './clock.ts';
import type { EventLog } from './event-log.ts';
import type { Gate } from './gate.ts';
import type { LogFile } from './log-file.ts';
import type { Outcome } from './restart.ts';
import type { StateKeeper } from './state-keeper.ts';
import type { ShimStep } from './step.ts';

export interface BootTools {
  readonly spec: RecordedSpec;
  readonly backend: Backend;
  readonly kernel: Kernel;
  readonly engine: NativeEngine | undefined;
  readonly clock: ShimClock;
  readonly events: EventLog;
  readonly keeper: StateKeeper;
  readonly gate: Gate;
  readonly folder: EnclaveFolder;
  readonly logFile: LogFile | undefined;
  /** Name of the other enclave of this host that holds the vsock port; undefined where none does. */
  findVsockHolder(port: number): Promise<string | undefined>;
  readonly operatorEnv: Readonly<Record<string, string | undefined>> | undefined;
  readonly onStep: (step: ShimStep) => void;
}

export interface BootResult extends Outcome {
  readonly end: RecordedState['end'];
  /** Undefined where the enclave ended by itself without a fault, or because somebody asked for its end. */
  readonly failure: CaissonError | undefined;
}
