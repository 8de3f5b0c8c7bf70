// `caisson proxy --stdio`: on the parent, a pipe of bytes to an enclave's control port, for an operator whose session ends on his own machine. It sees
// TLS and nothing in it.
import { withExitAction } from '../exit-action.ts';
import { EXIT_FAILED, EXIT_OK, UsageError } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly stdio?: true;
  readonly port?: string;
}

export const register: RegisterCommand = (program, surroundings) => {
  const command = program
    .command('proxy <enclave>')
    .description('carry bytes between standard input and output and the control port of an enclave (what --via runs)')
    .option('--stdio', 'the only way there is; must be given')
    .option('--port <port>', 'vsock port; default 53000');
  withExitAction(command, (enclave: string, flags: Flags) => proxy(enclave, flags, surroundings));
};

async function proxy(
  enclave: string,
  { stdio, port }: Flags,
  { env, stdin, stdout, stop }: Surroundings,
): Promise<number> {
  if (stdio !== true) throw new UsageError('proxy must have --stdio: it carries bytes and listens nowhere');
  if (port !== undefined && !/^[0-9]{1,10}$/.test(port))
    throw new UsageError(`--port must be a vsock port, got ${port}`);
  const { dialEnclave, findEnclave, openEnclaveTransport } = await import('@caisson/host/operator');
  const { pipeline } = await import('node:stream/promises');
  const address = await findEnclave(enclave, env, ...(port === undefined ? [] : [Number(port)]));
  const socket = await dialEnclave(openEnclaveTransport(env, address.vsock), address, stop);
  stop.addEventListener('abort', () => socket.destroy(), { once: true });
  const up = pipeline(stdin, socket).catch(() => socket.destroy());
  const down = pipeline(socket, stdout, { end: false }).then(
    () => EXIT_OK,
    () => EXIT_FAILED,
  );
  const code = await down;
  stdin.destroy();
  await up;
  return code;
}
