// Reads a tar archive as it comes, in the forms that container layers have: ustar, GNU tar, pax. Strict, because layers are read by
// many programs: what two of them would take for different files is refused, with the entry and its offset. Nothing is held but
// one entry's headers. An archive without its two zero blocks was cut; what follows them is a second archive.
import type { SkippableChunks } from '../bytes/index.ts';
import { LimitError } from '../errors/index.ts';
import { blockBytes, defaultLimits, type StreamedTarEntry, type TarLimits } from './entry.ts';
import { fault, type TarErrorCode } from './error-code.ts';
import { type Extension, type Extensions, readExtension } from './extension.ts';
import { fieldsOf } from './fields.ts';
import { parseHeader, type TarHeader } from './header.ts';
import { TarInput } from './input.ts';

/** Throws ParseError TAR_* and LimitError TAR_LIMIT. Ends the input when it ends itself. */
export async function* streamTar(
  chunks: SkippableChunks,
  limits: TarLimits = {},
): AsyncGenerator<StreamedTarEntry, void, undefined> {
  const bounds = { ...defaultLimits, ...limits };
  const input = new TarInput(chunks, bounds.maxBytes);
  let extensions: Extensions = new Map();
  let start = 0;
  try {
    for (let number = 1; ; ) {
      const place = `tar entry ${number} at offset ${input.offset}`;
      if (extensions.size === 0) start = input.offset;
      const block = await input.take(blockBytes, 'tar header');
      if (isZero(block)) {
        if (extensions.size > 0)
          throw fault('TAR_EXTENSION', `${place}: an entry must follow its extension, got the end`);
        await requireEnd(input);
        return;
      }
      const header = parseHeader(block, place);
      const extension: Extension | undefined = await readExtension(input, header, place, bounds);
      if (extension === undefined || extension.kind === 'global') {
        if (number > bounds.maxEntries) {
          const message = `tar archive must have at most ${bounds.maxEntries} entries, got more`;
          throw new LimitError<TarErrorCode>('TAR_LIMIT', message);
        }
        if (extension === undefined) {
          yield* entryOf(input, header, extensions, { number, start, place, bounds });
          extensions = new Map();
        }
        number += 1;
      } else {
        if (extensions.has(extension.kind)) {
          throw fault('TAR_EXTENSION', `${place}: an entry must have one ${extension.kind} extension, got two`);
        }
        extensions = new Map([...extensions, [extension.kind, extension]]);
      }
    }
  } finally {
    await input.close();
  }
}

interface Where {
  readonly number: number;
  readonly start: number;
  readonly place: string;
  readonly bounds: Required<TarLimits>;
}

async function* entryOf(
  input: TarInput,
  header: TarHeader,
  extensions: Extensions,
  { number, start, place, bounds }: Where,
): AsyncGenerator<StreamedTarEntry, void, undefined> {
  const fields = fieldsOf(header, extensions, place, bounds.maxNameBytes);
  const padded = fields.size + (-fields.size & (blockBytes - 1));
  input.requireRoom(padded, `${place}: content of ${JSON.stringify(fields.path.slice(0, 100))}`);
  const end = input.offset + fields.size;
  const pax = extensions.get('pax')?.pax;
  yield {
    ...fields,
    number,
    offset: start,
    contentOffset: input.offset,
    ignoredKeys: pax?.ignoredKeys ?? 0,
    droppedXattrs: pax?.droppedXattrs ?? 0,
    content: () => input.pieces(end - input.offset, `${place}: content`),
  };
  await input.skip(end - input.offset, `${place}: content`);
  await input.skip(padded - fields.size, `${place}: padding`);
}

async function requireEnd(input: TarInput): Promise<void> {
  // POSIX ends an archive with two blocks of zeros; writers fill up to a record with more.
  if (!isZero(await input.take(blockBytes, 'second zero block of the tar archive'))) {
    throw fault(
      'TAR_TRAILING',
      `tar archive must end with two zero blocks, got data at offset ${input.offset - blockBytes}`,
    );
  }
  for (let from = input.offset; !(await input.isAtEnd()); from = input.offset) {
    const rest = await input.takeSome();
    const stray = rest.findIndex((byte) => byte !== 0);
    if (stray >= 0) throw fault('TAR_TRAILING', `tar archive must end with zeros, got data at offset ${from + stray}`);
  }
}

function isZero(block: Uint8Array): boolean {
  return block.every((byte) => byte === 0);
}
