// The supervisor's view of PID 1, which is the only parent inside an enclave (docs/wire/pid1.md): it starts, holds and reaps, and keeps
// a table that outlives a supervisor. Implementations: the client on fd 3 (docs/wire/pid1.md), the fake of @caisson/testkit.

/** Where a process's standard stream goes: paths that PID 1 opens in the child, so that no descriptor crosses fd 3. */
export interface ProcessStreams {
  /** null: /dev/null. */
  readonly stdin: string | null;
  readonly stdout: string | null;
  readonly stderr: string | null;
  /** The streams are one terminal, which becomes the controlling terminal of the new session. */
  readonly terminal?: boolean;
  /** PID 1 makes stdout and stderr as FIFOs where they are missing and holds both ends open, so that a writer never meets EPIPE. */
  readonly hold?: boolean;
}

export interface ProcessRequest {
  /** A service's name, or `exec-…`, `job-…`, `process-…`; a second running process of the name is refused (EEXIST). */
  readonly name: string;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly uid: number;
  readonly gid: number;
  readonly umask: number;
  readonly limitNofile: number | null;
  readonly noNewPrivileges: boolean;
  readonly oomScoreAdjust: number | null;
  /** Folder under /sys/fs/cgroup, made when missing; null: none. */
  readonly cgroup: string | null;
  readonly streams: ProcessStreams;
}

/** A process is known by its pid and start time (clock ticks since boot), so that a reused pid is never mistaken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startTime: number;
}

export type ProcessEnd =
  | { readonly kind: 'exit'; readonly code: number }
  | { readonly kind: 'signal'; readonly signal: number; readonly dumped: boolean };

export interface ProcessEntry extends ProcessIdentity {
  readonly name: string;
  /** Set once it has ended; the entry stays until it is forgotten. */
  readonly end?: ProcessEnd;
}

export type ProcessHostEvent =
  | { readonly kind: 'ended'; readonly entry: ProcessEntry & { readonly end: ProcessEnd } }
  /** PID 1 was told to end (SIGTERM, SIGINT): stop in reverse order, then `end`. */
  | { readonly kind: 'terminate' }
  /** SIGHUP. */
  | { readonly kind: 'reload' };

export interface ProcessHost {
  /** What runs and what has ended unforgotten; a new supervisor reads it first. */
  table(): Promise<readonly ProcessEntry[]>;
  /** Rejects with Node-style errors: EEXIST, ENOENT (exec failed: syscall and path said), EAGAIN, ENFILE (table full), E2BIG. */
  start(request: ProcessRequest): Promise<ProcessIdentity>;
  /** `group`: the process group; `cgroup`: everything in its cgroup. Rejects ESRCH when that very process is no more. */
  signal(name: string, identity: ProcessIdentity, signal: number, scope: 'process' | 'group' | 'cgroup'): Promise<void>;
  /** Drops an ended entry and its FIFOs. */
  forget(name: string, identity: ProcessIdentity): Promise<void>;
  /** PID 1 prints `caisson-init: exit CODE`, syncs and reboots. Resolves never on hardware. */
  end(code: number): Promise<void>;
  onEvent(listener: (event: ProcessHostEvent) => void): void;
}
