// What the steps of a boot under the supervisor share: the world it was started in, what its image measures, and what the steps before have made.
import type { Log } from '@caisson/core/log';
import type { ReadyReporter } from '@caisson/link/ready';
import type { Transport } from '@caisson/link/transport';
import type { Kernel, NsmDevice, ProcessHost } from '@caisson/sys';
import type { AcceptedConfig } from '../boot-config/index.ts';
import type { Clock, Measured } from '../init/index.ts';

export interface SuperviseWorld {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly kernel: Kernel;
  readonly transport: Transport;
  readonly host: ProcessHost;
  readonly log: Log;
  readonly stop: AbortSignal;
  /** The device itself, for nobody else. */
  openOwnNsm(): Promise<NsmDevice>;
  /** Where the enclave's `/` is, without a slash at its end; default there. Only a simulation has another (docs/simulation.md). */
  readonly root?: string;
  /** Default /etc/caisson, at the root. */
  readonly measuredFolder?: string;
  /** Default /run, at the root. */
  readonly runFolder?: string;
  readonly clock?: Clock;
}

export interface Boot extends SuperviseWorld {
  readonly clock: Clock;
  readonly root: string;
  readonly runFolder: string;
  readonly measuredFolder: string;
  readonly measured: Measured;
  readonly bootId: string;
  readonly startedMs: number;
  readonly reporter: ReadyReporter;
  /** Whatever a step opens it leaves here; at the end the last is closed first. */
  readonly closers: Close[];
}

export type Close = () => Promise<void> | void;

/** Of a boot whose config is fixed. */
export interface Prepared {
  readonly config: AcceptedConfig;
  readonly device: NsmDevice;
}
