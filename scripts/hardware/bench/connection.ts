// One HTTP/1.1 connection of the load generator: a request at a time, the answer held to its status, its length and every byte. Written for this alone:
// a general client would spend more on each request than the server does, and its pool would decide when a request is sent.
import { connect, type Socket } from 'node:net';

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly request: string;
  /** What the body must be. */
  readonly body: Buffer;
}

export interface Connection {
  /** `done` is called once, with undefined for an answer that holds, else with what went wrong in a word. */
  send(done: (fault: string | undefined) => void): void;
  /** Gives the request up that is on its way. */
  end(fault: string): void;
  /** It can take another request. */
  readonly isOpen: boolean;
}

// Chosen: the header of our own server has a hundred bytes.
const maxHeadBytes = 8_192;

export function openConnection({ host, port, request, body }: Target): Connection {
  const socket: Socket = connect({ host, port, noDelay: true });
  let waiting: ((fault: string | undefined) => void) | undefined;
  let isOpen = true;
  let head: Buffer = Buffer.alloc(0);
  /** Of the body; negative before its first byte. */
  let got = -1;
  let isGood = true;

  const settle = (fault: string | undefined): void => {
    const done = waiting;
    waiting = undefined;
    head = Buffer.alloc(0);
    [got, isGood] = [-1, true];
    done?.(fault);
  };
  const end = (fault: string): void => {
    isOpen = false;
    socket.destroy();
    settle(fault);
  };
  const onBody = (bytes: Buffer): void => {
    if (got + bytes.length > body.length) {
      end('more than the body');
      return;
    }
    isGood &&= body.compare(bytes, 0, bytes.length, got, got + bytes.length) === 0;
    got += bytes.length;
    if (got === body.length) settle(isGood ? undefined : 'other bytes');
  };
  socket.on('data', (bytes: Buffer) => {
    if (waiting === undefined) return end('an answer to nothing');
    if (got >= 0) return onBody(bytes);
    head = head.length === 0 ? bytes : Buffer.concat([head, bytes]);
    const at = head.indexOf('\r\n\r\n');
    if (at < 0) return void (head.length > maxHeadBytes && end('a header without end'));
    const text = head.toString('latin1', 0, at);
    const status = /^HTTP\/1\.1 ([0-9]{3}) /.exec(text)?.[1];
    if (status !== '200') return end(`status ${status ?? 'none'}`);
    if (Number(/\r\ncontent-length: ([0-9]+)/i.exec(text)?.[1]) !== body.length) return end('another length');
    got = 0;
    onBody(head.subarray(at + 4));
  });
  socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message));
  socket.on('close', () => end('closed'));
  return {
    get isOpen() {
      return isOpen;
    },
    send(done) {
      waiting = done;
      socket.write(request);
    },
    end,
  };
}
