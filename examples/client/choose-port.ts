// The port to serve on, looked at before anything is built: a port that is taken is the commonest reason for which a first try fails.
import { type AddressInfo, createServer } from 'node:net';

/** 0: one of the kernel's choice. Throws with what to do when it is taken. */
export async function choosePort(text: string): Promise<number> {
  const wanted = Number(text);
  if (!/^\d+$/.test(text) || wanted > 65535) throw new Error(`--port must be an integer in 0..65535, got ${text}`);
  const server = createServer();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(wanted, '127.0.0.1', resolve);
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    throw new Error(`port ${wanted} on 127.0.0.1 is in use; try: npm start -- --port ${wanted + 1}`, { cause: error });
  }
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
