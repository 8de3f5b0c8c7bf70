// What commands, jobs and copies fail with. The same codes cross the wall in a FAIL record, so both ends speak of one thing.

export const PIPELINE_ERROR_CODES = [
  'PIPELINE_CHANGED',
  'PIPELINE_DIGEST',
  'PIPELINE_ENVIRONMENT',
  'PIPELINE_FILE',
  'PIPELINE_FULL',
  'PIPELINE_JOB_UNKNOWN',
  'PIPELINE_KIND',
  'PIPELINE_LIMIT',
  'PIPELINE_LINK',
  'PIPELINE_LOST',
  'PIPELINE_MISSING',
  'PIPELINE_NAME',
  'PIPELINE_POLICY',
  'PIPELINE_RECORD',
  'PIPELINE_REQUEST',
  'PIPELINE_ROOT',
  'PIPELINE_START',
] as const;
export type PipelineErrorCode = (typeof PIPELINE_ERROR_CODES)[number];
