// Where initctl finds the supervisor: flags over environment over config file over what is usual. A file that cannot be meant is an error:
// who wrote it would otherwise command another enclave than he thinks.
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { InitSocketErrorCode } from '../error-code.ts';
import { DEFAULT_INIT_SOCKET } from '../messages.ts';
import type { InitctlValues } from './command.ts';

/** The keys of initctl.yaml (docs/initctl.md). */
export interface InitctlConfig {
  readonly protocol?: 'unix' | 'vsock';
  readonly unix_socket_path?: string;
  readonly vsock_cid?: number;
  readonly vsock_port?: number;
}

// Chosen.
export const MAX_INITCTL_CONFIG_BYTES = 16 << 10;
const mostU32 = 0xffffffff;

/** `members`: what the file has, read from YAML or JSON. Throws ParseError INITCTL_CONFIG; `file` names it in messages. */
export function checkInitctlConfig(members: unknown, file: string): InitctlConfig {
  if (members === null || members === undefined) return {};
  const refuse = (rule: string, got: unknown): never => {
    const text = String(JSON.stringify(got)).slice(0, 60);
    throw new ParseError<InitSocketErrorCode>('INITCTL_CONFIG', `${file}: ${rule}, got ${text}`);
  };
  if (typeof members !== 'object' || Array.isArray(members)) return refuse('config must be a map of keys', members);
  for (const [key, value] of Object.entries(members)) {
    if (key === 'protocol') {
      if (value !== 'unix' && value !== 'vsock') refuse('protocol must be unix or vsock', value);
    } else if (key === 'unix_socket_path') {
      if (typeof value !== 'string' || value === '') refuse('unix_socket_path must be a path', value);
    } else if (key === 'vsock_cid' || key === 'vsock_port') {
      const isU32 = Number.isSafeInteger(value) && value >= 0 && value <= mostU32;
      if (!isU32) refuse(`${key} must be an integer in 0..${mostU32}`, value);
    } else refuse('a key must be one of protocol, unix_socket_path, vsock_cid, vsock_port', key);
  }
  return members as InitctlConfig;
}

/** `unix` or `vsock`. Throws CaissonError INITCTL_PROTOCOL for another. */
export function chooseProtocol(values: InitctlValues, config: InitctlConfig): 'unix' | 'vsock' {
  const protocol = String(values['protocol'] ?? config.protocol ?? 'unix').toLowerCase();
  if (protocol === 'unix' || protocol === 'vsock') return protocol;
  throw new CaissonError<InitSocketErrorCode>(
    'INITCTL_PROTOCOL',
    `protocol must be unix or vsock, got ${JSON.stringify(protocol)}`,
  );
}

/** The path of the unix socket. Throws CaissonError INITCTL_PROTOCOL for the protocol vsock, which this side of the wall has not. */
export function chooseSocket(
  values: InitctlValues,
  env: Readonly<Record<string, string | undefined>>,
  config: InitctlConfig,
): string {
  if (chooseProtocol(values, config) === 'vsock') {
    throw new CaissonError<InitSocketErrorCode>(
      'INITCTL_PROTOCOL',
      'protocol vsock must be asked from outside, over the control channel with an operator key: bare control over vsock is not offered',
      { hint: 'inside the enclave use -p unix' },
    );
  }
  return String(values['socket'] ?? env['INIT_SOCKET'] ?? config.unix_socket_path ?? DEFAULT_INIT_SOCKET);
}
