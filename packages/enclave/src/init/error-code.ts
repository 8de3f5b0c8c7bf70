// Every way in which the supervisor refuses; docs/errors.md has cause and remedy of each.
import { CaissonError } from '@caisson/core/errors';

export const INIT_ERROR_CODES = [
  'INIT_ACCOUNT_UNKNOWN',
  'INIT_GRAPH',
  'INIT_PROCESS_ENVIRONMENT',
  'INIT_PROCESS_FOREIGN',
  'INIT_PROCESS_UNKNOWN',
  'INIT_SERVICE_DISABLED',
  'INIT_SERVICE_FAILED',
  'INIT_SERVICE_NOT_RUNNING',
  'INIT_SERVICE_RUNNING',
  'INIT_SERVICE_UNKNOWN',
  'INIT_STOPPING',
] as const;
export type InitErrorCode = (typeof INIT_ERROR_CODES)[number];

export function refused(code: InitErrorCode, message: string): CaissonError<InitErrorCode> {
  return new CaissonError<InitErrorCode>(code, message);
}
