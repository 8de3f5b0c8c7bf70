// What the settings of `pipeline` are refused with.
export const PIPELINE_CONFIG_ERROR_CODES = ['PIPELINE_CONFIG'] as const;
export type PipelineConfigErrorCode = (typeof PIPELINE_CONFIG_ERROR_CODES)[number];
