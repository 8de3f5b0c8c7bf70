// What the smoke was asked for. Argonaut's variables and defaults, and the few of ours.
import { type MachineSettings, readMachineSettings } from '../machine.ts';
import { readVariables, VariableError } from '../variable.ts';

export interface SmokeSettings extends MachineSettings {
  readonly hostEchoPort: number;
  readonly outboundVsockPort: number;
  readonly host: string;
  readonly localIp: string;
  readonly localPort: number;
}

/** Throws VariableError. */
export function readSmokeSettings(env: NodeJS.ProcessEnv, note: (line: string) => void): SmokeSettings {
  const variables = readVariables(env, 'SMOKE', note);
  const text = (name: string, fallback: string, pattern: RegExp, what: string): string => {
    const value = variables.text(name) ?? fallback;
    if (pattern.test(value)) return value;
    throw new VariableError(`${variables.nameOf(name)} must be ${what}, got ${JSON.stringify(value)}`);
  };
  const port = (name: string, fallback: number): number => variables.integer(name, fallback, 1, 65_535);
  return {
    ...readMachineSettings(variables),
    hostEchoPort: port('HOST_ECHO_PORT', 18_443),
    outboundVsockPort: port('OUTBOUND_VSOCK_PORT', 8_100),
    host: text(
      'HOST',
      'argonaut-smoke.local',
      /^(?=.{1,253}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*$/,
      'a host name',
    ),
    localIp: text('LOCAL_IP', '127.0.0.1', /^127(\.[0-9]{1,3}){3}$/, 'an address in 127.0.0.0/8'),
    localPort: port('LOCAL_PORT', 9_443),
  };
}
