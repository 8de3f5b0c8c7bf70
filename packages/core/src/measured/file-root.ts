// The folders that a production image gives to `cp`, by name. What decides who may command the enclave, what it runs and what it is
// cannot lie in one of them: whoever may copy a file would be whoever may change that.
import type { JsonValue } from '../config/index.ts';
import type { MeasuredFileRoot } from './operator.ts';
import { plainPathForm } from './parse-init.ts';
import { measuredFault, Shape } from './shape.ts';

// Chosen.
const maxFileRoots = 16;
const maxPathCharacters = 1_024;
const nameForm = /^[a-z][a-z0-9-]{0,62}$/;
const noFileRoot = ['/etc/caisson', '/usr/lib/caisson', '/proc', '/sys', '/dev', '/run/caisson'] as const;

/** Throws ParseError MEASURED_FORM, LimitError MEASURED_LIMIT. */
export function readFileRoots(file: Shape): readonly MeasuredFileRoot[] {
  const roots = file.list('fileRoots', maxFileRoots, readFileRoot);
  const seen = new Set<string>();
  for (const [index, { name }] of roots.entries()) {
    if (seen.has(name)) throw measuredFault(`fileRoots[${index}].name`, 'given once', name);
    seen.add(name);
  }
  return roots;
}

function readFileRoot(value: JsonValue, at: string): MeasuredFileRoot {
  const shape = new Shape(value, at);
  const name = shape.text('name', 63, nameForm);
  const path = shape.text('path', maxPathCharacters, plainPathForm);
  shape.end();
  // Either may hold the other.
  const taken = noFileRoot.find((own) => `${own}/`.startsWith(`${path}/`) || `${path}/`.startsWith(`${own}/`));
  if (taken !== undefined) throw measuredFault(`${at}.path`, `apart from ${taken}`, path);
  return { name, path };
}
