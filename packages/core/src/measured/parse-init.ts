// /etc/caisson/init.json, read by the supervisor and written by the builder.
import { toUtf8 } from '../bytes/index.ts';
import { parseStrictJson } from '../config/index.ts';
import type { MeasuredInit } from './init.ts';
import { Shape } from './shape.ts';

// Chosen.
export const MAX_MEASURED_INIT_BYTES = 64 << 10;
export const INIT_LIMITS = {
  leastLogBytes: 4_096,
  mostLogBytes: 1 << 30,
  mostLogFiles: 100,
  variables: 256,
  pathCharacters: 1_024,
} as const;
// Given: sizeof(sun_path) - 1 on Linux, unix(7).
export const MAX_SOCKET_PATH_CHARACTERS = 107;
/** Without a component that goes up, so that what is shown is where it is. */
export const plainPathForm = /^(?:\/(?!\.{1,2}(?:\/|$))[^/\0]+)+$/;

/** What an image without an init.yaml has. */
export const DEFAULT_INIT: MeasuredInit = {
  v: 1,
  logDir: '/log',
  maxLogBytes: 10_485_760,
  maxLogFiles: 5,
  environment: {},
  controlSocket: '/run/init.sock',
};

/** Throws ParseError MEASURED_FORM, LimitError MEASURED_LIMIT and what parseStrictJson throws. */
export function parseMeasuredInit(bytes: Uint8Array): MeasuredInit {
  const file = new Shape(parseStrictJson(bytes, { maxBytes: MAX_MEASURED_INIT_BYTES, maxDepth: 4 }), '');
  file.constant('v', 1);
  const init: MeasuredInit = {
    v: 1,
    logDir: file.text('logDir', INIT_LIMITS.pathCharacters, plainPathForm),
    maxLogBytes: file.integer('maxLogBytes', INIT_LIMITS.leastLogBytes, INIT_LIMITS.mostLogBytes),
    maxLogFiles: file.integer('maxLogFiles', 1, INIT_LIMITS.mostLogFiles),
    environment: file.environment('environment', INIT_LIMITS.variables),
    controlSocket: file.nullable('controlSocket', () =>
      file.text('controlSocket', MAX_SOCKET_PATH_CHARACTERS, plainPathForm),
    ),
  };
  file.end();
  return init;
}

/** The same bytes for the same values on every machine. */
export function writeMeasuredInit(init: MeasuredInit): Uint8Array<ArrayBuffer> {
  const { logDir, maxLogBytes, maxLogFiles, environment, controlSocket } = init;
  return toUtf8(`${JSON.stringify({ v: 1, logDir, maxLogBytes, maxLogFiles, environment, controlSocket }, null, 1)}\n`);
}
