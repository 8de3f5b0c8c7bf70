// The application of the bench image, and of nothing else: `/N` answers with the first N bytes of a sequence that the load generator knows as well.
import { createServer } from 'node:http';
import { startBridges } from './bridges.mjs';

const bodies = new Map();
createServer({ keepAliveTimeout: 0 }, (ask, answer) => {
  const size = Number(ask.url.slice(1));
  let body = bodies.get(size);
  if (body === undefined) {
    if (!Number.isSafeInteger(size) || size < 0 || size > 64 * 1024 * 1024 || bodies.size > 64)
      return void answer.writeHead(404).end();
    body = Buffer.alloc(size, 'caisson ');
    bodies.set(size, body);
  }
  answer.writeHead(200, { 'content-length': size, 'content-type': 'application/octet-stream' });
  answer.end(body);
}).listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4_096 });
await startBridges();
