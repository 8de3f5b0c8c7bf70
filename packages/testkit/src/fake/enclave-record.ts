// The record of an enclave as a test wants it: whole, and different only where the test says so.
import type { EnclaveRecord, RecordedSpec, RecordedState } from '@caisson/host/record';

const startedAt = '2026-11-21T10:00:00.000Z';

export function fakeSpec(name: string, different: Partial<RecordedSpec> = {}): RecordedSpec {
  return {
    v: 1,
    name,
    image: `/images/${name}.eif`,
    profile: 'development',
    backend: 'sim',
    measurements: { PCR0: 'a0'.repeat(48), PCR1: 'a1'.repeat(48), PCR2: 'a2'.repeat(48) },
    memoryMiB: 512,
    cpus: { count: 2 },
    debug: false,
    egress: [],
    restart: 'no',
    readyTimeoutMs: 30_000,
    ingress: [{ hostAddress: '127.0.0.1', hostPort: 8080, port: 3000, vsockPort: 3000, holdMs: 0 }],
    hasReadyLine: true,
    hasControl: true,
    dependsOn: [],
    labels: {},
    composeFile: null,
    createdAt: startedAt,
    ...different,
  };
}

/** Of a shim that is this process, and so alive. */
export function fakeState(name: string, different: Partial<RecordedState> = {}): RecordedState {
  return {
    v: 1,
    name,
    phase: 'ready',
    since: startedAt,
    backend: 'sim',
    cid: 16,
    vsock: null,
    pids: [],
    shim: { pid: process.pid, start: '1', protocol: 1, version: '0.1.0' },
    bootId: 'b'.repeat(32),
    startedAt,
    heartbeatMs: 120,
    readyMs: 900,
    restarts: 0,
    reasons: [],
    configSha384: null,
    documents: { kind: 'unsigned' },
    departures: [],
    end: null,
    failure: null,
    ...different,
  };
}

export function fakeRecord(
  name: string,
  spec: Partial<RecordedSpec> = {},
  state: Partial<RecordedState> | null = {},
): EnclaveRecord {
  return {
    name,
    fault: undefined,
    spec: fakeSpec(name, spec),
    state: state === null ? undefined : fakeState(name, state),
  };
}
