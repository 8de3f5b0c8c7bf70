// .dockerignore (docs.docker.com/build/concepts/context, "dockerignore files"): patterns of Go's filepath.Match with `**`, the last that
// matches decides, `!` takes back. A pattern that matches a folder is about everything below it.
import { matchPath } from './match-path.ts';

export interface IgnoreRules {
  isIgnored(path: string): boolean;
}

export function parseIgnore(text: string): IgnoreRules {
  const rules = text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const isKept = line.startsWith('!');
      const pattern = (isKept ? line.slice(1).trim() : line).split('/').filter((part) => part !== '' && part !== '.');
      return { isKept, pattern: pattern.join('/') };
    });
  return {
    isIgnored(path) {
      const parents = path.split('/').map((_, at, parts) => parts.slice(0, at + 1).join('/'));
      let ignored = false;
      for (const { isKept, pattern } of rules) {
        if (ignored !== isKept) continue;
        if (parents.some((parent) => matchPath(pattern, parent))) ignored = !isKept;
      }
      return ignored;
    },
  };
}
