// Commands, jobs and files of operators, as processes of PID 1 and below the roots of the image.
export type { Pipeline, PipelineTerms } from './open-pipeline.ts';
export { openPipeline } from './open-pipeline.ts';
