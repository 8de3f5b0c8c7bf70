// What the outbound bridge leads to: a TCP server of this machine that says what it hears.
import { once } from 'node:events';
import { createServer } from 'node:net';

// Chosen: what the check sends is a word.
const maxBytes = 1_024;

/** Returns what closes it. Rejects where the port is taken. */
export async function serveEcho(port: number): Promise<() => Promise<void>> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (text.length > maxBytes) socket.destroy();
    });
    socket.on('end', () => socket.end(`echo ${text}`));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return async () => {
    server.close();
    await once(server, 'close');
  };
}
