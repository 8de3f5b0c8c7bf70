// `pipeline listen` inside an enclave. The supervisor itself serves operators, because only it may have documents made and only PID 1 may start
// processes; this verb is for images and habits that name a listener, and says the truth about it: who may come is measured, or nobody
// listens.
import { existsSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { CaissonError } from '@caisson/core/errors';
import { MAX_MEASURED_OPERATORS_BYTES, parseMeasuredOperators } from '@caisson/core/measured';
import { readBoundedFile } from '@caisson/link/argonaut';
import { CONTROL_PORT } from '@caisson/link/control';

export interface PipelineListenWorld {
  readonly stdout: Writable;
  readonly stop: AbortSignal;
  /** Default /etc/caisson/operators.json. */
  readonly operatorsFile?: string;
  /** The supervisor's folder; default /run/caisson. */
  readonly runFolder?: string;
}

const aDayMs = 86_400_000;

export const PIPELINE_LISTEN_ERROR_CODES = ['PIPELINE_LISTEN'] as const;
type PipelineListenErrorCode = (typeof PIPELINE_LISTEN_ERROR_CODES)[number];

/** Resolves when told to stop. Rejects PIPELINE_LISTEN where nobody may come or nobody listens, and what the measured file is refused with. */
export async function runPipelineListen(port: number, world: PipelineListenWorld): Promise<void> {
  const { operatorsFile = '/etc/caisson/operators.json', runFolder = '/run/caisson', stdout, stop } = world;
  let bytes: Uint8Array;
  try {
    bytes = await readBoundedFile(operatorsFile, { maxBytes: MAX_MEASURED_OPERATORS_BYTES, what: operatorsFile });
  } catch (cause) {
    throw fault(
      'operators must be measured in the image, got no operators.json',
      'give the image a root key or operators (docs/operators.md)',
      cause,
    );
  }
  const { rootKey, operators } = parseMeasuredOperators(bytes);
  if (rootKey === null && operators.length === 0) throw fault('operators must be measured in the image, got none');
  if (port !== CONTROL_PORT) {
    throw fault(`port must be ${CONTROL_PORT}, where the supervisor listens, got ${port}`);
  }
  if (!existsSync(`${runFolder}/boot`)) {
    throw fault('a supervisor must run in this enclave, got none', 'build the image without --init plain');
  }
  stdout.write(`Pipeline listening on port ${port}\n`);
  if (stop.aborted) return;
  // Nothing else of this process waits for anything, and node would end it.
  const awake = setInterval(() => {}, aDayMs);
  await new Promise((resolve) => stop.addEventListener('abort', resolve, { once: true }));
  clearInterval(awake);
}

function fault(message: string, hint?: string, cause?: unknown): CaissonError<PipelineListenErrorCode> {
  return new CaissonError('PIPELINE_LISTEN', `pipeline listen: ${message}`, {
    cause,
    ...(hint !== undefined && { hint }),
  });
}
