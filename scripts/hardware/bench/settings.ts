// What the bench was asked for. Argonaut's variables and defaults, and the few of ours.
import { type MachineSettings, readMachineSettings } from '../machine.ts';
import { readVariables } from '../variable.ts';

export interface BenchSettings extends MachineSettings {
  readonly maxConnections: number;
  /** Requests a second. */
  readonly rates: readonly number[];
  /** Bytes of an answer. */
  readonly payloads: readonly number[];
  readonly durationMs: number;
  readonly timeoutMs: number;
  readonly resultsDir: string;
  /** Each request as a line of its own. */
  readonly exportRaw: boolean;
}

// Given: the application inside makes no larger body.
const maxPayload = 64 * 1024 * 1024;
const hourMs = 3_600_000;

/** Throws VariableError. */
export function readBenchSettings(env: NodeJS.ProcessEnv, note: (line: string) => void): BenchSettings {
  const variables = readVariables(env, 'BENCH', note);
  const machine = readMachineSettings(variables);
  return {
    ...machine,
    maxConnections: variables.integer('MAX_CONNECTIONS', 4_096, 1, 65_536),
    rates: variables.integers('RATES', [100, 250, 500, 1_000], 1, 100_000),
    payloads: variables.integers('PAYLOADS', [0, 1_024, 32_768], 0, maxPayload),
    durationMs: variables.durationMs('DURATION', 15_000, hourMs),
    timeoutMs: variables.durationMs('TIMEOUT', 30_000, hourMs),
    resultsDir: machine.resultsDir ?? 'benchmark-results',
    exportRaw: variables.flag('EXPORT_RAW'),
  };
}
