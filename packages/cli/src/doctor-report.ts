// What the doctor found, for a person and for a program. First what can run, then what is not well, the worst first; what is well is one line.
import type { Writable } from 'node:stream';
import type { AllocatorPlan, Examination, Finding, Level } from '@caisson/host/doctor';
import { harmlessText } from './harmless.ts';

const order: readonly Level[] = ['fail', 'warn', 'note'];
const width = 100;
const indent = '      ';

export function writeExamination(
  { findings, verdicts }: Examination,
  { verbose }: { readonly verbose: boolean },
  out: Writable,
): void {
  const lines: string[] = [];
  for (const { backend, canRun, because } of verdicts) {
    if (canRun === null) continue;
    const why =
      because.length === 0 ? '' : `: ${because[0]}${because.length > 1 ? ` (and ${because.length - 1} more)` : ''}`;
    lines.push(`${backend.padEnd(indent.length - 1)} ${canRun ? 'can run' : `cannot run${why}`}`);
  }
  if (lines.length > 0) lines.push('');
  for (const level of order) for (const one of findings) if (one.level === level) lines.push(...linesOf(one));
  const well = findings.filter(({ level }) => level === 'ok');
  if (verbose) lines.push(...well.flatMap(({ id, found }) => wrap(`ok    ${id}: ${found}`)));
  else if (well.length > 0) lines.push(...wrap(`ok    ${[...new Set(well.map(({ id }) => id))].join(', ')}`));
  out.write(`${harmlessText(lines.join('\n'))}\n`);
}

function linesOf({ level, id, found, matters, command }: Finding): string[] {
  const lines = wrap(`${level.padEnd(indent.length)}${id}: ${found}`);
  if (level !== 'note') lines.push(...wrap(`${indent}${matters}`));
  // Never wrapped, because people copy it.
  if (command !== undefined) lines.push(`${indent}$ ${command}`);
  return lines;
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/(?<=\S)\s/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = `${indent}${word}`;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

export function examinationFacts({ findings, verdicts, isFit }: Examination, backend: string | undefined): object {
  return {
    v: 1,
    fit: isFit,
    backend: backend ?? null,
    verdicts,
    findings: findings.map(({ id, group, level, found, matters, command = null }) => ({
      id,
      group,
      level,
      found,
      matters,
      command,
    })),
  };
}

/** The file alone on stdout, so that it can be put in place by a pipe. */
export function writePlan({ text, reasons, command }: AllocatorPlan, stdout: Writable, stderr: Writable): void {
  for (const reason of reasons) stderr.write(`${harmlessText(reason)}\n`);
  stderr.write(`$ ${harmlessText(command)}\n`);
  stdout.write(text);
}

export function planFacts({ memoryMiB, cpuPool, node, text, reasons, command }: AllocatorPlan): object {
  return { v: 1, memoryMiB, cpuPool, node, text, reasons, command };
}
