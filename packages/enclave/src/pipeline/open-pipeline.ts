// Everything of the pipeline in a booted enclave, as the control port serves it.
import type { MeasuredImage } from '@caisson/core/measured';
import type { ControlHandlers } from '@caisson/link/control';
import { createPipelineHandlers, DEVELOPMENT_ROOTS } from '@caisson/link/pipeline';
import type { Kernel, ProcessHost } from '@caisson/sys';
import { createCommandStarter } from './command-starter.ts';
import { EndWatch } from './end-watch.ts';
import { openJobs } from './job-desk.ts';

export interface PipelineTerms {
  readonly host: ProcessHost;
  readonly kernel: Kernel;
  readonly image: MeasuredImage;
  /** `/run/caisson`. */
  readonly runFolder: string;
  readonly hasCgroups: boolean;
}

export interface Pipeline {
  readonly handlers: ControlHandlers;
  close(): void;
}

/** Before services start: it reads PID 1's table for what a supervisor before this one has left. */
export async function openPipeline({ host, kernel, image, runFolder, hasCgroups }: PipelineTerms): Promise<Pipeline> {
  const watch = new EndWatch(host);
  const starter = createCommandStarter({ watch, kernel, hasCgroups, folder: `${runFolder}/exec` });
  const terms = { watch, hasCgroups, folder: `${runFolder}/jobs`, fifoFolder: `${runFolder}/log` };
  const handlers = createPipelineHandlers({
    starter,
    jobs: await openJobs(terms),
    // No image measures roots of its own yet: in production there are none.
    roots: image.profile === 'development' ? DEVELOPMENT_ROOTS : [],
    environment: image.config.environment,
  });
  return { handlers, close: () => watch.close() };
}
