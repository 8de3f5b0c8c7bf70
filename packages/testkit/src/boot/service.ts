// A compiled service that does nothing special, for tests that mean one or two of its terms.
import type { MeasuredService } from '@caisson/core/measured';

export function measuredService(name: string, changes: Partial<MeasuredService> = {}): MeasuredService {
  return {
    name,
    argv: [`/bin/${name}`],
    environment: {},
    enabled: true,
    workingDirectory: null,
    user: null,
    group: null,
    umask: 0o022,
    restart: 'on-failure',
    restartDelayMs: 100,
    startLimit: { count: 1_000, windowMs: 3_600_000 },
    before: [],
    after: [],
    requires: [],
    requiredBy: [],
    ready: { kind: 'fork' },
    readyTimeoutMs: 30_000,
    nsmPcrs: [],
    stopSignal: 15,
    stopTimeoutMs: 10_000,
    killMode: 'control-group',
    limitNofile: null,
    oomScoreAdjust: null,
    noNewPrivileges: true,
    standardInput: 'null',
    standardOutput: 'null',
    builtIn: false,
    ...changes,
  };
}
