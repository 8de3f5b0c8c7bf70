// Whether a TCP port of this host is free, and who has it where it is not.
import { once } from 'node:events';
import { createServer } from 'node:net';
import { CaissonError } from '@caisson/core/errors';
import type { IngressRule } from '../compose/index.ts';
import type { ShimErrorCode } from './error-code.ts';
import { findPortHolder } from './port-holder.ts';

type Place = Pick<IngressRule, 'hostAddress' | 'hostPort'>;

/** The port is free now; nothing reserves it. Throws CaissonError SHIM_PORT. */
export async function requireFreePort(enclave: string, place: Place): Promise<void> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ host: place.hostAddress, port: place.hostPort, exclusive: true });
    await once(server, 'listening');
  } catch (error) {
    throw await portFault(enclave, place, error);
  }
  server.close();
  await once(server, 'close');
}

/** `error` is what the kernel answered to listen(2). */
export async function portFault(
  enclave: string,
  { hostAddress, hostPort }: Place,
  error: unknown,
): Promise<CaissonError<ShimErrorCode>> {
  const codes = [error, (error as Error).cause].map((one) => (one as NodeJS.ErrnoException | undefined)?.code);
  const holder = codes.includes('EADDRINUSE') ? await findPortHolder(hostPort) : undefined;
  const who = holder === undefined ? (error as Error).message : `${holder} has it`;
  return new CaissonError(
    'SHIM_PORT',
    `port ${hostPort} of ${hostAddress} must be free for enclave ${enclave}: ${who}`,
    {
      cause: error,
      hint: 'end it, or take another port of this host',
    },
  );
}
