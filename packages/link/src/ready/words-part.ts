// Last words on their way: cut into lines of the ready line on one side, put together on the other. Both sides keep to the same bounds, so
// that neither a service that shouts nor an enclave that lies costs the other more than they say.
import { ParseError } from '@caisson/core/errors';
import type { ReadyErrorCode } from './error-code.ts';
import type { SeenWordsPart } from './line.ts';
import { MAX_WORDS_BYTES, MAX_WORDS_LINES, MAX_WORDS_PARTS, type ReadyWordsPart } from './messages.ts';

/** What a host has of one service's last words. */
export type SeenWords = { readonly service: string } & (
  | { readonly lines: readonly string[] }
  | { readonly sealed: Uint8Array }
);

// Chosen: with the longest name a part stays below MAX_READY_LINE_BYTES.
const partBytes = 3_600;
const lineBytes = 2_000;

/** The newest lines that fit, each cut to a bound and without newlines of its own. */
export function boundWords(lines: readonly string[]): readonly string[] {
  const kept: string[] = [];
  let bytes = 0;
  for (const line of lines.slice(-MAX_WORDS_LINES).reverse()) {
    const cut = clip(line.replaceAll('\n', '\u240a'));
    bytes += jsonBytes(cut) + 1;
    if (bytes > MAX_WORDS_BYTES) break;
    kept.push(cut);
  }
  return kept.reverse();
}

/** `lines` as boundWords gave them. */
export function cutLines(service: string, lines: readonly string[]): readonly ReadyWordsPart[] {
  const groups: string[][] = [[]];
  let bytes = 0;
  for (const line of lines) {
    const cost = jsonBytes(line) + 1;
    if (bytes + cost > partBytes) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(line);
    bytes += cost;
  }
  return groups.map((group, part) => ({ v: 1, words: { service, part, parts: groups.length, lines: group } }));
}

export function cutBox(service: string, box: Uint8Array): readonly ReadyWordsPart[] {
  const text = Buffer.from(box).toString('base64');
  const parts = Math.ceil(text.length / partBytes);
  return Array.from({ length: parts }, (_, part) => ({
    v: 1,
    words: { service, part, parts, sealed: text.slice(part * partBytes, (part + 1) * partBytes) },
  }));
}

/** Parts in their order to whole words. */
export class WordsAssembly {
  #held: SeenWordsPart[] = [];

  /** The words that `part` completes. Throws ParseError READY_LINE_FORM for a part that does not follow the last. */
  add(part: SeenWordsPart): SeenWords | undefined {
    const last = this.#held.at(-1);
    const follows =
      last === undefined
        ? part.part === 0
        : part.part === last.part + 1 &&
          part.parts === last.parts &&
          part.service === last.service &&
          'sealed' in part.content === 'sealed' in last.content;
    if (!follows || part.parts > MAX_WORDS_PARTS) {
      const after = last === undefined ? 'none' : `${last.part} of ${last.parts} of ${last.service}`;
      throw new ParseError<ReadyErrorCode>(
        'READY_LINE_FORM',
        `ready line: words part ${part.part} of ${part.parts} of ${part.service} does not follow part ${after}`,
      );
    }
    this.#held.push(part);
    if (part.part + 1 < part.parts) return undefined;
    const parts = this.#held;
    this.#held = [];
    return join(part.service, parts);
  }
}

function join(service: string, parts: readonly SeenWordsPart[]): SeenWords {
  const sealed = parts.map(({ content }) => ('sealed' in content ? content.sealed : '')).join('');
  if (sealed !== '') return { service, sealed: Buffer.from(sealed, 'base64') };
  const lines = parts.flatMap(({ content }) => ('lines' in content ? content.lines : []));
  return { service, lines: lines.slice(-MAX_WORDS_LINES) };
}

/** Cut between characters, by what it will cost as JSON: a line of control characters grows sixfold. */
function clip(line: string): string {
  if (line.length <= lineBytes / 6) return line;
  let bytes = 0;
  let kept = '';
  for (const character of line.slice(0, lineBytes)) {
    bytes += jsonBytes(character) - 2;
    if (bytes > lineBytes) return `${kept}…`;
    kept += character;
  }
  return kept.length < line.length ? `${kept}…` : line;
}

function jsonBytes(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
