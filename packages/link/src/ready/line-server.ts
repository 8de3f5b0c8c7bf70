// The host's end of one enclave's ready line. It listens for that CID alone, reads strictly, and keeps what it saw. The enclave is not
// trusted here any more than the host is there: a line that is not of the form ends the connection, and a flood is read at a bounded pace.
import type { Socket } from 'node:net';
import { CID_ANY, type Cid, hostPort } from '@caisson/core/address';
import { CaissonError } from '@caisson/core/errors';
import type { Transport } from '../transport/transport.ts';
import { parseReadyLine } from './line.ts';
import { ReadyLineSplitter } from './line-splitter.ts';
import { READY_HEARTBEAT_MS } from './messages.ts';
import { type ReadyEvent, SeenLine } from './seen-line.ts';

export interface ReadyLineOptions {
  readonly transport: Transport;
  /** The enclave, and nobody else. */
  readonly cid: Cid;
  onEvent(event: ReadyEvent): void;
  /** Without a line for so long the enclave counts as silent. Default three heartbeats. */
  readonly silenceMs?: number;
}

export interface ReadyLineServer {
  readonly seen: SeenLine;
  /** Frees the port and cuts the enclave off. */
  close(): Promise<void>;
}

// Chosen: more than any reporter of ours sends, less than would keep a processor busy.
const bytesPerSecond = 1_048_576;

/** Rejects EADDRINUSE when somebody else holds the line of that enclave; TypeError for a CID that no enclave has. */
export async function serveReadyLine(options: ReadyLineOptions): Promise<ReadyLineServer> {
  const { transport, cid, onEvent, silenceMs = 3 * READY_HEARTBEAT_MS } = options;
  const seen = new SeenLine();
  const tell = (event: ReadyEvent | undefined): void => {
    if (event !== undefined) onEvent(event);
  };
  let current: Socket | undefined;
  const listener = await transport.listen({ cid: CID_ANY, port: hostPort(cid, 0) }, { peerCid: cid }, (socket) => {
    // The newest counts: an enclave that comes back after a crash leaves a connection behind that nobody will ever end.
    const before = current;
    current = socket;
    before?.destroy();
    seen.connected();
    readLines(socket, seen, silenceMs, tell, (fault) => {
      if (current !== socket) return;
      current = undefined;
      tell(seen.lost(fault));
    });
  });
  return {
    seen,
    async close() {
      await listener.close();
      current?.destroy();
    },
  };
}

function readLines(
  socket: Socket,
  seen: SeenLine,
  silenceMs: number,
  tell: (event: ReadyEvent | undefined) => void,
  onGone: (fault: Error | undefined) => void,
): void {
  const splitter = new ReadyLineSplitter();
  const pace = new Pace(socket);
  let fault: Error | undefined;
  const timer = setTimeout(() => {
    // Before its first state a connection is nobody's.
    if (seen.standing === 'waiting' || seen.standing === 'lost') socket.destroy();
    else tell(seen.silent(silenceMs));
  }, silenceMs).unref();
  socket
    .on('data', (chunk: Buffer) => {
      pace.count(chunk.length);
      try {
        for (const line of splitter.push(chunk)) {
          if (socket.destroyed) return;
          tell(seen.take(parseReadyLine(line)));
          timer.refresh();
          if (seen.standing === 'ended') socket.end();
        }
      } catch (error) {
        if (!(error instanceof CaissonError)) throw error;
        fault = error;
        socket.destroy();
      }
    })
    .on('end', () => socket.end())
    .on('error', () => {})
    .on('close', () => {
      clearTimeout(timer);
      pace.stop();
      onGone(fault);
    });
}

/** Stops reading for the rest of a second that has brought its share. */
class Pace {
  readonly #socket: Socket;
  #bytes = 0;
  #sinceMs = performance.now();
  #timer: NodeJS.Timeout | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  count(bytes: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#sinceMs >= 1_000) {
      this.#sinceMs = nowMs;
      this.#bytes = 0;
    }
    this.#bytes += bytes;
    if (this.#bytes <= bytesPerSecond || this.#timer !== undefined) return;
    this.#socket.pause();
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#socket.resume();
      },
      1_000 - (nowMs - this.#sinceMs),
    );
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}
