// The operator's end of both directions of a copy, over the channel of his session.

import type { Channel, OutgoingStream } from '../../channel/index.ts';
import { said } from '../../control/index.ts';
import { Fields } from '../fields.ts';
import { PIPELINE_REQUEST } from '../request-type.ts';
import { Folder } from '../store/folder.ts';
import { planCopy } from './plan.ts';
import { receiveCopy } from './receive.ts';
import { encodeCopyRequest } from './request.ts';
import type { CopyResult } from './result.ts';
import { sendCopy } from './send.ts';
import { openTarget } from './target.ts';

export interface CopyOptions {
  readonly recursive: boolean;
  readonly resume: boolean;
  readonly checksum: boolean;
  /** As in cp: an existing folder gets the copy inside, under the name of the source. False: the path is the copy itself. */
  readonly into: boolean;
  readonly signal?: AbortSignal;
  /** Called with the totals before the first byte comes. */
  readonly onPlan?: (plan: { readonly files: number; readonly bytes: number }) => void;
  /** All together, and the file in hand. */
  readonly onProgress?: (bytes: number, file: string) => void;
}

/** Where something lies here: a folder, links on the way followed, and a name in it; null: the folder itself. */
export interface LocalPlace {
  readonly folder: string;
  readonly name: string | null;
}

// Chosen: as the enclave's own (link/control).
const windowBytes = 1_048_576;

/** Rejects PIPELINE_*, and what ended the session. */
export async function copyIn(
  channel: Channel,
  source: LocalPlace,
  path: string,
  options: CopyOptions,
): Promise<CopyResult> {
  const parent = Folder.open(source.folder);
  try {
    const plan = await planCopy(parent, source.name, options.recursive);
    options.onPlan?.(plan);
    const { into, recursive, resume, checksum } = options;
    const sourceName = source.name ?? source.folder.split('/').filter(Boolean).at(-1) ?? '';
    const request = encodeCopyRequest({ path, into, sourceName, recursive, resume, checksum });
    try {
      return await withStream(channel, PIPELINE_REQUEST.copyIn, request, options, async (stream) => {
        await stream.reply;
        return await sendCopy(plan, stream, { compare: resume || checksum, checksum, ...progressOf(options) });
      });
    } finally {
      plan.top.release();
    }
  } finally {
    parent.release();
  }
}

export async function copyOut(
  channel: Channel,
  path: string,
  target: LocalPlace,
  options: CopyOptions,
): Promise<CopyResult> {
  const { into, recursive, resume, checksum } = options;
  const request = encodeCopyRequest({ path, into: false, sourceName: '', recursive, resume, checksum });
  return await withStream(channel, PIPELINE_REQUEST.copyOut, request, options, async (stream) => {
    const fields = new Fields(Uint8Array.from(await stream.reply), 'plan');
    const plan = { files: fields.integer(1), bytes: fields.integer(2) };
    const sourceName = fields.text(3, 255);
    options.onPlan?.(plan);
    const root = Folder.open(target.folder);
    try {
      const place = openTarget(root, target.name === null ? [] : [target.name], { into, sourceName });
      try {
        const terms = { compare: resume || checksum, resume, checksum, ...progressOf(options) };
        return await receiveCopy(stream, place, terms);
      } finally {
        place.folder.release();
      }
    } finally {
      root.release();
    }
  });
}

async function withStream(
  channel: Channel,
  type: number,
  payload: Uint8Array,
  { signal }: CopyOptions,
  use: (stream: OutgoingStream) => Promise<CopyResult>,
): Promise<CopyResult> {
  const stream = channel.open(type, payload, {
    deadlineMs: 120_000,
    windowBytes,
    pieces: true,
    ...(signal && { signal }),
  });
  stream.reply.catch(() => {});
  try {
    return await said(use(stream));
  } catch (error) {
    stream.cancel();
    throw error;
  }
}

function progressOf({ onProgress }: CopyOptions) {
  if (onProgress === undefined) return {};
  return {
    onProgress: (bytes: number, { path }: { readonly path: readonly string[] }) => onProgress(bytes, path.join('/')),
  };
}
