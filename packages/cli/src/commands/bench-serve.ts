// `caisson bench serve`: the far end of a bench, in the host program and in benchmark images only.
import { parseAddress } from '@caisson/core/address';
import { withExitAction } from '../exit-action.ts';
import { EXIT_OK } from '../exit-code.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

export const registerBenchServe: RegisterCommand = (bench, surroundings) => {
  const command = bench
    .command('serve')
    .description('answer benches on an address until stopped; anybody who can dial it may use it up')
    .requiredOption('--listen <address>', 'vsock:any:PORT, tcp:HOST:PORT or unix:PATH');
  withExitAction(command, (flags: { readonly listen: string }) => serve(flags.listen, surroundings));
};

async function serve(listen: string, { env, stdout, stop }: Surroundings): Promise<number> {
  const address = parseAddress(listen, '--listen');
  const { serveBench } = await import('@caisson/host/bench');
  const { openTransportFromEnvironment } = await import('@caisson/link/transport');
  const { createLinuxKernel } = await import('@caisson/sys');
  const transport = openTransportFromEnvironment(env, createLinuxKernel());
  const server = await serveBench(address, { transport });
  stdout.write(`listening on ${listen}\n`);
  if (!stop.aborted) await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  await server.close();
  return EXIT_OK;
}
