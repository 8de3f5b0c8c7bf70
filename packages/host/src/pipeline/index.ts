// Settings of the program `pipeline`.
export type { PipelineConfigErrorCode } from './error-code.ts';
export { PIPELINE_CONFIG_ERROR_CODES } from './error-code.ts';
export type { PipelineConfig, PipelineFlags, PipelineSettings } from './read-config.ts';
export { choosePipelineSettings, findPipelineConfig, parsePipelineConfig, readPipelineConfig } from './read-config.ts';
