// What the ready line and the health port say (docs/wire/ready.md, docs/wire/health.md). The line is JSON lines that the enclave
// writes to hostPort(own CID, 0). Unauthenticated and read by the parent: codes come from closed lists, and no path, no argument and,
// outside of last words, nothing that a service wrote is ever in them.
export { DEFAULT_HEALTH_PORT } from '@caisson/core/address';

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
  /** At most MAX_READY_REASONS. */
  readonly reasons: readonly ReadyReason[];
  /** How many reasons were left out to keep the line short. */
  readonly more?: number;
}

export interface ReadyFinal {
  readonly v: 1;
  readonly final: true;
  /** 0..255. */
  readonly exit: number;
  readonly code: ReasonCode;
}

/**
 * One part of the last log lines of a service that failed: in the clear from a development image, as a sealed box
 * (docs/wire/ready.md) from a production image that measures an operator's key, and not at all from any other.
 */
export interface ReadyWordsPart {
  readonly v: 1;
  readonly words: {
    readonly service: string;
    /** From 0; the parts of one service come one after the other. */
    readonly part: number;
    readonly parts: number;
  } & ({ readonly lines: readonly string[] } | { readonly sealed: string });
}

export type ReadyMessage = ReadyState | ReadyFinal | ReadyWordsPart;

/** What the supervisor tells, and the health port and the ready line pass on. */
export interface ReadyReporter {
  report(phase: Phase, reasons: readonly ReadyReason[]): void;
  configTaken(sha384: string): void;
  /** The newest log lines of a service that failed; whether they leave, and how, is the measured policy's. Never throws. */
  lastWords(service: string, lines: readonly string[]): void;
  /** Sends the last line and waits (<= 1 s) until it has left. */
  finish(exit: number, code: ReasonCode): Promise<void>;
}

export const HEALTH_STATUSES = ['ok', 'starting', 'degraded', 'failed'] as const;
export type HealthStatus = (typeof HEALTH_STATUSES)[number];

/** What the health port answers to `{"action":"health"}`. */
export interface HealthAnswer {
  readonly status: HealthStatus;
  readonly phase: Phase;
  readonly reasons: readonly ReadyReason[];
  readonly bootId: string;
}

/** What it answers to anything else, or instead. */
export const HEALTH_ERRORS = ['busy', 'bad-request', 'unknown-action'] as const;
export type HealthError = (typeof HEALTH_ERRORS)[number];

/** An enclave that is stopping serves nobody new: a load balancer must see it go. */
export function statusOfPhase(phase: Phase): HealthStatus {
  if (phase === 'ready') return 'ok';
  if (phase === 'degraded') return 'degraded';
  return phase === 'failed' || phase === 'stopping' ? 'failed' : 'starting';
}

// Given: docs/wire/health.md.
export const MAX_HEALTH_REQUEST_BYTES = 4096;

// Chosen.
/** With its newline. */
export const MAX_READY_LINE_BYTES = 4096;
export const MAX_READY_REASONS = 24;
/** A line that says nothing new, so that the host can tell quiet from gone. */
export const READY_HEARTBEAT_MS = 5_000;
export const MAX_WORDS_LINES = 200;
/** Of one service, as JSON or sealed. */
export const MAX_WORDS_BYTES = 65_536;
export const MAX_WORDS_PARTS = 64;
/** Of one boot. */
export const MAX_WORDS_SERVICES = 32;
