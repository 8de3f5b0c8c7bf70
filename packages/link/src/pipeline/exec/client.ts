// A command of an enclave at the operator's end: his input to it, its output to him, and how it ended.
import type { Readable, Writable } from 'node:stream';
import { lost, MAX_DATA_BYTES, RecordReader, RecordWriter, recordFault, recordType } from '../record.ts';
import type { ByteStream } from '../stream.ts';
import { encodeSize, INPUT_WINDOW_BYTES } from './messages.ts';
import { type CommandEnd, parseEnd } from './process.ts';
import type { TerminalSize } from './request.ts';

export interface AttachOptions {
  /** null: none is sent, and the command sees its end at once. */
  readonly stdin: Readable | null;
  readonly stdout: Writable;
  readonly stderr: Writable;
}

export interface AttachedCommand {
  /** Resolves when all output was taken by the streams. Rejects PIPELINE_LOST and what has ended the stream. */
  readonly ended: Promise<CommandEnd>;
  signal(number: number): void;
  resize(size: TerminalSize): void;
}

export function attachCommand(stream: ByteStream, { stdin, stdout, stderr }: AttachOptions): AttachedCommand {
  const writer = new RecordWriter(stream);
  const reader = new RecordReader(stream);
  const input = stdin === null ? undefined : new InputPump(stdin, writer);
  // Nothing more comes from here, but signals and sizes still may.
  if (input === undefined) writer.put(recordType.standardInput, new Uint8Array());
  writer.flush();
  const put = (type: number, body: Uint8Array): void => {
    writer.put(type, body);
    writer.flush();
  };
  return {
    ended: read(reader, stdout, stderr, (bytes) => input?.grant(bytes)).finally(() => input?.stop()),
    signal: (number) => put(recordType.signal, Uint8Array.of(number)),
    resize: (size) => put(recordType.resize, encodeSize(size)),
  };
}

async function read(
  reader: RecordReader,
  stdout: Writable,
  stderr: Writable,
  grant: (bytes: number) => void,
): Promise<CommandEnd> {
  for (;;) {
    const piece = await reader.next();
    if (piece === undefined) throw lost();
    const { type, body } = piece;
    if (type === recordType.standardOutput) await write(stdout, body);
    else if (type === recordType.standardError) await write(stderr, body);
    else if (type === recordType.credit && body.length === 4)
      grant(new DataView(body.buffer, body.byteOffset, 4).getUint32(0));
    else if (type === recordType.ended) {
      const end = parseEnd(body);
      if (end !== undefined) return end;
      throw recordFault('an exit code or a signal', 'neither');
    } else throw recordFault('a type that a command has', `type ${type}`);
  }
}

/** Waits for a slow reader; one that is gone loses the rest, as a pipe of a shell would. */
function write(stream: Writable, bytes: Uint8Array): Promise<void> | undefined {
  if (stream.destroyed || stream.writableEnded || stream.errored !== null) return undefined;
  // The bytes are a view of what the channel reads next.
  if (stream.write(Uint8Array.from(bytes))) return undefined;
  return new Promise((resolve) => {
    const over = (): void => {
      for (const event of ['drain', 'close', 'error']) stream.off(event, over);
      resolve();
    };
    for (const event of ['drain', 'close', 'error']) stream.once(event, over);
  });
}

class InputPump {
  readonly #stdin: Readable;
  readonly #writer: RecordWriter;
  #credit = INPUT_WINDOW_BYTES;
  #isStopped = false;
  readonly #onReadable = (): void => this.#pump();

  constructor(stdin: Readable, writer: RecordWriter) {
    this.#stdin = stdin;
    this.#writer = writer;
    stdin.on('readable', this.#onReadable);
    stdin.once('end', () => this.#end());
    stdin.once('error', () => this.#end());
    if (stdin.readableEnded) this.#end();
  }

  grant(bytes: number): void {
    this.#credit += bytes;
    this.#pump();
  }

  stop(): void {
    this.#isStopped = true;
    this.#stdin.off('readable', this.#onReadable);
    this.#stdin.pause();
  }

  #pump(): void {
    while (!this.#isStopped && this.#credit > 0) {
      const most = Math.min(this.#credit, MAX_DATA_BYTES);
      const { readableLength, readableObjectMode } = this.#stdin;
      const chunk: unknown = readableObjectMode ? this.#stdin.read() : this.#stdin.read(Math.min(readableLength, most));
      if (chunk === null) return;
      const whole = typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Buffer);
      const bytes = whole.subarray(0, most);
      if (bytes.length < whole.length) this.#stdin.unshift(whole.subarray(most));
      this.#credit -= bytes.length;
      this.#writer.put(recordType.standardInput, bytes);
      this.#writer.flush();
    }
  }

  #end(): void {
    if (this.#isStopped) return;
    this.#writer.put(recordType.standardInput, new Uint8Array());
    this.#writer.flush();
    this.stop();
  }
}
