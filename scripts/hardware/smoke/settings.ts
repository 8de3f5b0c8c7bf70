// What the smoke was asked for. Argonaut's variables and defaults, and the few of ours.
import { readFileSync, statSync } from 'node:fs';
import { isStandIn } from '../caisson.ts';
import type { HardwareBackend } from '../launch.ts';
import { type MachineSettings, readMachineSettings } from '../machine.ts';
import { readVariables, VariableError, type Variables } from '../variable.ts';

export interface SmokeSettings extends MachineSettings {
  readonly hostEchoPort: number;
  readonly outboundVsockPort: number;
  readonly host: string;
  readonly localIp: string;
  readonly localPort: number;
  /** PEM of a root of documents that are not hardware's; undefined: AWS's, or that of the simulation. */
  readonly rootPem: string | undefined;
  /** Nothing here says anything about hardware. */
  readonly isSimulated: boolean;
}

// Chosen: a certificate is under 2 KiB.
const maxRootBytes = 16_384;

/** Throws VariableError. */
export function readSmokeSettings(env: NodeJS.ProcessEnv, note: (line: string) => void): SmokeSettings {
  const variables = readVariables(env, 'SMOKE', note);
  const text = (name: string, fallback: string, pattern: RegExp, what: string): string => {
    const value = variables.text(name) ?? fallback;
    if (pattern.test(value)) return value;
    throw new VariableError(`${variables.nameOf(name)} must be ${what}, got ${JSON.stringify(value)}`);
  };
  const machine = readMachineSettings(variables);
  const port = (name: string, fallback: number): number => variables.integer(name, fallback, 1, 65_535);
  return {
    ...machine,
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
    rootPem: readRoot(variables, env, machine.backend),
    isSimulated: machine.backend !== 'nitro' || isStandIn(env),
  };
}

/** On hardware there is no root but AWS's: another one can be named only where nitro-cli is said not to be one. */
function readRoot(variables: Variables, env: NodeJS.ProcessEnv, backend: HardwareBackend): string | undefined {
  const [file, name] = [variables.text('ROOT'), variables.nameOf('ROOT')];
  if (file === undefined) return undefined;
  if (backend !== 'nitro' || !isStandIn(env))
    throw new VariableError(`${name} must stand beside CAISSON_NITRO_ROOT and the backend nitro alone`);
  try {
    if (statSync(file).size > maxRootBytes) throw new Error(`it has more than ${maxRootBytes} bytes`);
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new VariableError(`${name} must be a file with a certificate, got ${file}: ${(error as Error).message}`);
  }
}
