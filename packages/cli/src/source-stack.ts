// Where an error came from, in files of the sources. The bundled program says so by the maps beside its pieces, which are read when there is an error
// to show and not before: every start would pay for them.
import { readFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const place = /(file:\/\/\/[^\s()]+\.mjs):(\d+):(\d+)/g;

/** The stack of `error`; as it is wherever there is no map. */
export function sourceStack(error: Error): string {
  const maps = new Map<string, SourceMap | undefined>();
  return (error.stack ?? error.message).replace(place, (found: string, url: string, line: string, column: string) => {
    const path = fileURLToPath(url);
    if (!maps.has(path)) maps.set(path, readMap(`${path}.map`));
    // Both count from one here.
    const { originalSource, originalLine, originalColumn } =
      (maps.get(path)?.findEntry(Number(line) - 1, Number(column) - 1) as Partial<Entry> | undefined) ?? {};
    if (originalSource === undefined || originalLine === undefined || originalColumn === undefined) return found;
    return `${resolve(dirname(path), originalSource)}:${originalLine + 1}:${originalColumn + 1}`;
  });
}

interface Entry {
  readonly originalSource: string;
  readonly originalLine: number;
  readonly originalColumn: number;
}

function readMap(path: string): SourceMap | undefined {
  try {
    return new SourceMap(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // An error is being shown: it is worth more than its place.
    return undefined;
  }
}
