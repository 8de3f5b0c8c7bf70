// The supervisor's control over the control channel, answering end: the requests of /run/init.sock, each under the verb that it takes. A process is not
// started this way in a production image: `exec` has templates, and a second door without them would make them worth nothing.
import { toUtf8, utf8Text } from '@caisson/core/bytes';
import { isJsonObject, parseStrictJson } from '@caisson/core/config';
import { ParseError, PolicyError } from '@caisson/core/errors';
import { answerRequest, isStreamRequest } from '../init/answer-request.ts';
import type { Control, ServiceLogLine } from '../init/control.ts';
import { type InitRequest, type InitVerb, MAX_INIT_REQUEST_BYTES } from '../init/messages.ts';
import { parseCall } from '../init/parse-request.ts';
import { logText } from '../init/reply.ts';
import type { ControlErrorCode } from './error-code.ts';
import type { ControlHandlers } from './handler.ts';
import { CONTROL_REQUEST } from './request-type.ts';
import type { ControlVerb } from './verb.ts';

// Who may look at an enclave's services may not read what they write or what their commands say: both can be secret.
export const INIT_CONTROL_VERBS: Readonly<Record<InitVerb, ControlVerb>> = {
  Ping: 'status',
  ListServices: 'status',
  ServiceStatus: 'status',
  SystemStatus: 'status',
  ServiceLogs: 'logs',
  ServiceLogsStream: 'logs',
  ServiceLogsStreamStop: 'logs',
  ServiceLogsClear: 'logs',
  ServiceStart: 'service',
  ServiceStop: 'service',
  ServiceRestart: 'service',
  ServiceEnable: 'service',
  ServiceDisable: 'service',
  SystemReload: 'service',
  ProcessList: 'process',
  ProcessStatus: 'process',
  ProcessStop: 'process',
  ProcessRestart: 'process',
  ProcessKill: 'process',
  ProcessStart: 'exec',
  SystemReboot: 'stop',
  SystemShutdown: 'stop',
};

// Chosen: as much of a followed log as may wait for a slow reader.
const maxWaitingBytes = 1 << 20;
const maxDepth = 16;

export function createInitHandlers(control: Control): ControlHandlers {
  return {
    [CONTROL_REQUEST.init]: {
      verb: (payload) => INIT_CONTROL_VERBS[parseInitCall(payload).verb],
      async answer(payload, _call, { profile }) {
        const request = parseInitCall(payload);
        if (isStreamRequest(request)) throw wrong('a request that has one answer');
        if (request.verb === 'ProcessStart' && profile === 'production') {
          throw new PolicyError<ControlErrorCode>(
            'CONTROL_VERB',
            'a production image must start processes by exec and its templates, got ProcessStart',
          );
        }
        const { result } = await answerRequest(request, control);
        return toUtf8(JSON.stringify(result));
      },
    },
    [CONTROL_REQUEST.followLogs]: {
      verb: 'logs',
      async stream(stream) {
        const name = utf8Text(stream.payload);
        const lines = new LineQueue();
        control.followLogs(name, (line) => lines.push(name, line), stream.signal);
        stream.reply(new Uint8Array());
        stream.signal.addEventListener('abort', () => lines.end(), { once: true });
        for await (const line of lines.take()) await stream.write(toUtf8(line));
      },
    },
  };
}

function parseInitCall(payload: Uint8Array): InitRequest {
  const document = parseStrictJson(payload, { maxBytes: MAX_INIT_REQUEST_BYTES, maxDepth });
  const method = isJsonObject(document) ? document.get('method') : undefined;
  if (!isJsonObject(document) || typeof method !== 'string') throw wrong('an object with a method');
  for (const key of document.keys()) if (key !== 'method' && key !== 'params') throw wrong('method and params alone');
  return parseCall(method, document.get('params'));
}

/** Lines between the supervisor, which waits for nobody, and a reader who may be slow: the newest are lost and counted. */
class LineQueue {
  readonly #lines: string[] = [];
  #bytes = 0;
  #lost = 0;
  #isOver = false;
  #wake: () => void = () => {};

  push(service: string, { timeMs, stream, text, ...line }: ServiceLogLine): void {
    if (this.#bytes > maxWaitingBytes) {
      this.#lost += 1;
      return;
    }
    if (this.#lost > 0) this.#add({ service, count: this.#lost });
    this.#lost = 0;
    this.#add({ service, time_ms: timeMs, stream, text, line: logText({ timeMs, stream, text, ...line }) });
    this.#wake();
  }

  end(): void {
    this.#isOver = true;
    this.#wake();
  }

  async *take(): AsyncGenerator<string> {
    while (!this.#isOver) {
      const line = this.#lines.shift();
      if (line === undefined) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#bytes -= line.length;
      yield line;
    }
  }

  #add(line: object): void {
    const text = `${JSON.stringify(line)}\n`;
    this.#bytes += text.length;
    this.#lines.push(text);
  }
}

function wrong(rule: string): ParseError<ControlErrorCode> {
  return new ParseError('CONTROL_MESSAGE', `control of services must be asked by ${rule}`);
}
