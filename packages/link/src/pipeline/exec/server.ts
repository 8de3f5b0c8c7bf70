// A command of an operator in the enclave: its streams over his, byte for byte, as fast as the slower end of each.
//
//   started --(all output read, process ended)--> ended          the last record says how
//   started --(operator gone)--> hung up: SIGHUP, after 5 s SIGKILL
//   started --(timeout)--> told: SIGTERM, after 5 s SIGKILL, then as ended
//
// Input has a credit of its own: a command that does not read must not hold up the signal that is meant to end it.
import { type RecordPiece, RecordReader, RecordWriter, recordFault, recordType } from '../record.ts';
import type { ByteStream } from '../stream.ts';
import { INPUT_WINDOW_BYTES, parseSize } from './messages.ts';
import { Outlet } from './outlet.ts';
import { encodeEnd, type RunningCommand } from './process.ts';

// Given: signal(7).
const signals = { hangUp: 1, kill: 9, terminate: 15 };
const maxSignal = 64;
// Chosen.
const graceMs = 5_000;

export interface CarryOptions {
  readonly timeoutMs: number | null;
  /** Aborted when the operator is gone. */
  readonly gone: AbortSignal;
}

/** Resolves when the end was said, or nobody is there to hear it. The command is released whatever happens. */
export async function carryCommand(
  command: RunningCommand,
  stream: ByteStream,
  { timeoutMs, gone }: CarryOptions,
): Promise<void> {
  const timers: NodeJS.Timeout[] = [];
  const later = (afterMs: number, run: () => void): void => void timers.push(setTimeout(run, afterMs));
  const endBy = (signal: number): void => {
    command.signal(signal);
    later(graceMs, () => command.signal(signals.kill));
  };
  let isGone = false;
  const hangUp = (): void => {
    if (isGone) return;
    isGone = true;
    endBy(signals.hangUp);
    for (const outlet of outlets) outlet.close();
  };
  const writer = new RecordWriter(stream);
  const outlets = [new Outlet(command.stdout, recordType.standardOutput, writer, hangUp)];
  if (command.stderr !== null) outlets.push(new Outlet(command.stderr, recordType.standardError, writer, hangUp));
  if (timeoutMs !== null) later(timeoutMs, () => endBy(signals.terminate));
  gone.addEventListener('abort', hangUp, { once: true });
  if (gone.aborted) hangUp();
  void takeRecords(command, new RecordReader(stream), writer).catch(hangUp);
  try {
    const end = await command.ended;
    await Promise.all(outlets.map((outlet) => outlet.finish()));
    if (isGone) return;
    writer.put(recordType.ended, encodeEnd(end));
    await writer.end();
  } finally {
    for (const timer of timers) clearTimeout(timer);
    gone.removeEventListener('abort', hangUp);
    command.release();
  }
}

/** Resolves at the end of the operator's side, which ends the input and nothing else. */
async function takeRecords(command: RunningCommand, reader: RecordReader, writer: RecordWriter): Promise<void> {
  const input = new Input(command, writer);
  for (;;) {
    const piece = await reader.next();
    if (piece === undefined) return input.end();
    take(piece, command, input);
  }
}

function take({ type, body, more }: RecordPiece, command: RunningCommand, input: Input): void {
  if (type === recordType.standardInput) {
    if (body.length === 0 && !more) input.end();
    else input.write(body);
  } else if (type === recordType.signal && body.length === 1 && body[0]! >= 1 && body[0]! <= maxSignal) {
    command.signal(body[0]!);
  } else if (type === recordType.resize) {
    command.resize(parseSize(body));
  } else {
    throw recordFault('a type that a command has', `type ${type}`);
  }
}

/** The command's standard input: what the operator may send ahead is at most the window, whatever the command reads. */
class Input {
  readonly #command: RunningCommand;
  readonly #writer: RecordWriter;
  #waitingBytes = 0;
  #isOver = false;

  constructor(command: RunningCommand, writer: RecordWriter) {
    this.#command = command;
    this.#writer = writer;
    // The command has closed its input, or ended: further input is discarded, as in a shell's pipe.
    command.stdin?.on('error', () => {
      this.#isOver = true;
    });
  }

  write(bytes: Uint8Array): void {
    this.#waitingBytes += bytes.length;
    if (this.#waitingBytes > INPUT_WINDOW_BYTES)
      throw recordFault(`at most ${INPUT_WINDOW_BYTES} bytes of input ahead`, 'more');
    const { stdin } = this.#command;
    if (stdin === null || this.#isOver || !stdin.writable) this.#grant(bytes.length);
    else stdin.write(Uint8Array.from(bytes), () => this.#grant(bytes.length));
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#command.stdin?.end();
  }

  #grant(bytes: number): void {
    this.#waitingBytes -= bytes;
    const body = Buffer.alloc(4);
    body.writeUInt32BE(bytes);
    this.#writer.put(recordType.credit, body);
    this.#writer.flush();
  }
}
