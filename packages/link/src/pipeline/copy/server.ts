// The enclave's end of both directions of a copy: its roots, then the same sender and receiver that the operator has.
import type { IncomingStream } from '../../channel/index.ts';
import { encodeFields } from '../fields.ts';
import { Walk } from '../store/walk.ts';
import { planCopy } from './plan.ts';
import { receiveCopy } from './receive.ts';
import { type FileRoot, openRoot, parseCopyRequest } from './request.ts';
import { sendCopy } from './send.ts';
import { openTarget } from './target.ts';

/** Rejects with what is wrong, after everything that was not whole is gone. */
export async function takeCopyIn(stream: IncomingStream, roots: readonly FileRoot[]): Promise<void> {
  const request = parseCopyRequest(stream.payload);
  const { folder: root, names } = openRoot(roots, request.path, 'write');
  try {
    const target = openTarget(root, names, request);
    try {
      stream.reply(new Uint8Array());
      const { resume, checksum } = request;
      await receiveCopy(stream, target, { compare: resume || checksum, resume, checksum });
    } finally {
      target.folder.release();
    }
  } finally {
    root.release();
  }
}

export async function giveCopyOut(stream: IncomingStream, roots: readonly FileRoot[]): Promise<void> {
  const request = parseCopyRequest(stream.payload);
  const { folder: root, names } = openRoot(roots, request.path, 'read');
  const walk = new Walk(root, { make: false });
  try {
    const parent = walk.to(names.slice(0, -1));
    const plan = await planCopy(parent, names.at(-1) ?? null, request.recursive);
    try {
      const isFile = plan.name !== null;
      stream.reply(encodeFields({ 1: plan.files, 2: plan.bytes, 3: names.at(-1) ?? '', 4: isFile }));
      const { resume, checksum } = request;
      await sendCopy(plan, stream, { compare: resume || checksum, checksum });
    } finally {
      plan.top.release();
    }
  } finally {
    walk.close();
    root.release();
  }
}
