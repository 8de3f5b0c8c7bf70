// A small HTTP server for the services of these examples, inside: routes, a byte limit, a deadline, and errors that tell a stranger nothing.
import { createServer, type IncomingMessage } from 'node:http';

export interface Asked {
  readonly query: URLSearchParams;
  readonly body: Buffer;
}

/** Bytes are application/octet-stream, everything else JSON. */
export type Route = (asked: Asked) => Promise<Uint8Array | object> | Uint8Array | object;

/** Thrown by a route: its words go to the client, with status 400. */
export class BadRequest extends Error {}

// Chosen.
const maxBodyBytes = 65_536;

/** By `GET /path` or `POST /path`. */
export function serveHttp(port: number, routes: Readonly<Record<string, Route>>): void {
  const server = createServer({ requestTimeout: 10_000 }, async (request, response) => {
    const reply = (status: number, body: Uint8Array | object): void => {
      const bytes = body instanceof Uint8Array ? body : Buffer.from(`${JSON.stringify(body)}\n`);
      const type = bytes === body ? 'application/octet-stream' : 'application/json';
      response.writeHead(status, { 'content-type': type }).end(bytes);
    };
    try {
      const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://enclave');
      const name = `${request.method} ${pathname}`;
      const route = Object.hasOwn(routes, name) ? routes[name] : undefined;
      if (route === undefined) reply(404, { error: `one of ${Object.keys(routes).join(', ')}` });
      else reply(200, await route({ query, body: await readBody(request) }));
    } catch (error) {
      if (error instanceof BadRequest) return reply(400, { error: error.message });
      console.error(error);
      reply(500, { error: 'it failed' });
    }
  });
  server.listen(port, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${port}`));
}

/** The nonce of a question, 16 to 64 bytes in hex (docs/attest.md). */
export function nonceOf(query: URLSearchParams): Buffer {
  const text = query.get('nonce') ?? '';
  if (!/^([0-9a-fA-F]{2}){16,64}$/.test(text)) throw new BadRequest('nonce must be 16 to 64 bytes in hex');
  return Buffer.from(text, 'hex');
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let length = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length;
    if (length > maxBodyBytes) throw new BadRequest(`a body must have at most ${maxBodyBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
