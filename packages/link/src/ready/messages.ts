// The ready line (wire.md 4): JSON lines that the enclave writes to hostPort(own CID, 0). Unauthenticated and read by the parent:
// codes come from closed lists, and nothing that a service wrote, no path and no argument is ever in them.

export const PHASES = ['booting', 'config', 'services', 'ready', 'degraded', 'stopping', 'failed'] as const;
export type Phase = (typeof PHASES)[number];

/** Why the enclave is not (or no longer) well; docs/wire/ready.md lists each. */
export const REASON_CODES = [
  'boot-step',
  'config-awaited',
  'config-refused',
  'config-timeout',
  'config-signature',
  'config-version',
  'config-expired',
  'config-target',
  'config-schema',
  'config-endpoint',
  'pcr16-locked',
  'nsm',
  'entropy',
  'clock',
  'dev-image-on-hardware',
  'service-starting',
  'service-exited',
  'service-failed',
  'service-not-ready',
  'service-requirement',
  'cycle',
  'start-limit',
  'supervisor',
  'stopped',
  'rebooted',
] as const;
export type ReasonCode = (typeof REASON_CODES)[number];

export interface ReadyReason {
  readonly code: ReasonCode;
  /** A name of a measured service file. */
  readonly service?: string;
  readonly exit?: number;
  readonly signal?: number;
}

export interface ReadyState {
  readonly v: 1;
  /** 32 hex digits. */
  readonly bootId: string;
  readonly phase: Phase;
  readonly uptimeMs: number;
  readonly configSha384?: string;
  readonly profile: 'development' | 'production';
  /** The kernel's clocksource. */
  readonly clock: string;
  readonly reasons: readonly ReadyReason[];
}

export interface ReadyFinal {
  readonly v: 1;
  readonly final: true;
  /** 0..255. */
  readonly exit: number;
  readonly code: ReasonCode;
}

/** What the supervisor tells, and the health port and the ready line pass on. */
export interface ReadyReporter {
  report(phase: Phase, reasons: readonly ReadyReason[]): void;
  configTaken(sha384: string): void;
  /** Sends the last line and waits (<= 1 s) until it has left. */
  finish(exit: number, code: ReasonCode): Promise<void>;
}
