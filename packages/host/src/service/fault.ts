// What is wrong with service files: every fault of every file, each with its place, so that one look mends all.
import { PolicyError } from '@caisson/core/errors';
import type { ServiceErrorCode } from './error-code.ts';

export interface ServiceFault {
  /** A warning is told and builds. */
  readonly level: 'fault' | 'warning';
  /** As it was found: a path in the tree or below the folder. */
  readonly file: string;
  /** From 1; 1:1 for what has no place of its own in the file. */
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly hint?: string;
}

/** What stands for a file where a service comes from the image itself: no place in it would help anybody. */
export const IMAGE_ITSELF = 'image';

/** `etc/init.d/web.service:4:1: unknown key ExecStrat (did you mean ExecStart?)`. */
export function formatServiceFault({ level, file, line, column, message }: ServiceFault): string {
  const place = file === IMAGE_ITSELF ? '' : `${file}:${line}:${column}: `;
  return `${place}${level === 'warning' ? 'warning: ' : ''}${message}`;
}

/** One line for each fault; warnings are in `faults` too. */
export class ServiceFaultError extends PolicyError<ServiceErrorCode> {
  readonly faults: readonly ServiceFault[];

  constructor(faults: readonly ServiceFault[]) {
    const lines = faults.filter(({ level }) => level === 'fault').map(formatServiceFault);
    const hint = faults.find((fault) => fault.level === 'fault' && fault.hint !== undefined)?.hint;
    super('SERVICE_FAULTS', lines.join('\n'), hint === undefined ? {} : { hint });
    this.faults = faults;
  }
}

/** Throws ServiceFaultError when a fault is among them. */
export function refuseFaults(faults: readonly ServiceFault[]): void {
  if (faults.some(({ level }) => level === 'fault')) throw new ServiceFaultError(faults);
}
