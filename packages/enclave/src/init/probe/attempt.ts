// One look whether a service is ready, by each of the ways that its file may name. A look never throws and takes a second at most;
// what is not a clear yes is a no, and is looked at again (watch.ts).
import { lstat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { toVsockPort } from '@caisson/core/address';
import type { Readiness } from '@caisson/core/measured';
import { askHealth, askHealthOn } from '@caisson/link/ready';
import type { Transport } from '@caisson/link/transport';

export type Looked = Exclude<Readiness, { kind: 'fork' | 'notify' }>;

// Chosen.
const timeoutMs = 1_000;
const loopback = '127.0.0.1';
// A status line is 15 bytes and a reason; a server that talks on says nothing more to us.
const maxStatusLineBytes = 1_024;

export async function isReadyNow(ready: Looked, transport: Transport, signal: AbortSignal): Promise<boolean> {
  try {
    return await look(ready, transport, signal);
  } catch {
    return false;
  }
}

async function look(ready: Looked, transport: Transport, signal: AbortSignal): Promise<boolean> {
  switch (ready.kind) {
    case 'file':
      // The name itself: a link that leads nowhere yet was put there by the service all the same.
      await lstat(ready.path);
      return true;
    case 'port':
      (await dial(ready.port, signal)).destroy();
      return true;
    case 'http':
      return await askHttp(await dial(ready.port, signal), ready.path, signal);
    case 'action': {
      const outcome =
        ready.transport === 'tcp'
          ? await askHealthOn(await dial(ready.port, signal), { timeoutMs, signal })
          : await askHealth({ transport, cid: transport.localCid, port: toVsockPort(ready.port), timeoutMs, signal });
      return outcome.kind === 'answered' && outcome.health.status === 'ok';
    }
  }
}

function dial(port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: loopback, port });
    const fail = (reason: unknown): void => {
      socket.destroy();
      reject(reason);
    };
    socket.setTimeout(timeoutMs, () => fail(new Error('timed out')));
    socket.once('error', fail);
    signal.addEventListener('abort', () => fail(signal.reason), { once: true });
    socket.once('connect', () => {
      socket.setTimeout(0);
      resolve(socket);
    });
  });
}

/** 2xx and 3xx are a yes. HTTP/1.0, so that the server closes and no chunked body comes. */
function askHttp(socket: Socket, path: string, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    let text = '';
    const finish = (isReady: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(isReady);
    };
    const timer = setTimeout(() => finish(false), timeoutMs);
    signal.addEventListener('abort', () => finish(false), { once: true });
    socket.on('error', () => finish(false));
    socket.on('close', () => finish(false));
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      if (text.includes('\n')) finish(/^HTTP\/1\.[01] [23][0-9][0-9]\b/.test(text));
      else if (text.length > maxStatusLineBytes) finish(false);
    });
    // httpPathForm has been held by the builder: nothing in it ends the line.
    socket.write(`GET ${path} HTTP/1.0\r\nHost: ${loopback}\r\nUser-Agent: caisson\r\nAccept: */*\r\n\r\n`);
  });
}
