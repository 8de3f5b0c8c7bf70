// Which command lines a production image runs (P-P3): those whose words a template of the operator's entry gives, one by one. No shell, no search
// path, no glob; a place in a template takes a word of a narrow form, never one that begins with a dash.
import { PolicyError } from '@caisson/core/errors';
import { plain } from '@caisson/core/log';
import type { MeasuredOperator } from '@caisson/core/measured';
import type { PipelineErrorCode } from '../error-code.ts';

// Given: docs/exec.md.
const places: Readonly<Record<string, RegExp>> = {
  '{int}': /^(?:0|[1-9][0-9]{0,17})$/,
  '{word}': /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/,
};

/** True when every word of `argv` is what the template says there, and there are no more. */
export function matchesTemplate(template: readonly string[], argv: readonly string[]): boolean {
  // A relative program would be found by the search path or from the folder that the caller names.
  if (template.length === 0 || template.length !== argv.length || !template[0]!.startsWith('/')) return false;
  return template.every((word, index) => {
    const place = index === 0 ? undefined : places[word];
    return place === undefined ? word === argv[index] : place.test(argv[index]!);
  });
}

/** Throws PolicyError PIPELINE_POLICY, which names no template: what others may run is not the caller's to know. */
export function verifyTemplate(operator: MeasuredOperator, argv: readonly string[]): void {
  if (operator.execTemplates.some((template) => matchesTemplate(template, argv))) return;
  throw new PolicyError<PipelineErrorCode>(
    'PIPELINE_POLICY',
    `run ${plain(JSON.stringify(argv).slice(0, 300))}: it must match an exec template of operator ${operator.name}, got none that does`,
    { hint: 'a production image runs only what the signed operator list names word by word (docs/exec.md)' },
  );
}
