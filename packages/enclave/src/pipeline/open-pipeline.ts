// Everything of the pipeline in a booted enclave, as the control port serves it.
import type { ImageProfile, MeasuredFileRoot, MeasuredImage } from '@caisson/core/measured';
import type { ControlHandlers } from '@caisson/link/control';
import { createPipelineHandlers, DEVELOPMENT_ROOTS, type FileRoot } from '@caisson/link/pipeline';
import type { Kernel, ProcessHost } from '@caisson/sys';
import { createCommandStarter } from './command-starter.ts';
import { EndWatch } from './end-watch.ts';
import { openJobs } from './job-desk.ts';

export interface PipelineTerms {
  readonly host: ProcessHost;
  readonly kernel: Kernel;
  readonly image: MeasuredImage;
  /** Of the operators file. */
  readonly fileRoots: readonly MeasuredFileRoot[];
  /** `/run/caisson`. */
  readonly runFolder: string;
  readonly hasCgroups: boolean;
  /** Where the enclave's `/` is; default there. Without a slash at its end. */
  readonly root?: string;
}

export interface Pipeline {
  readonly handlers: ControlHandlers;
  close(): void;
}

/** Before services start: it reads PID 1's table for what a supervisor before this one has left. */
export async function openPipeline(terms: PipelineTerms): Promise<Pipeline> {
  const { host, kernel, image, fileRoots, runFolder, hasCgroups, root = '' } = terms;
  const watch = new EndWatch(host);
  const where = { watch, hasCgroups, ...(root !== '' && { root }) };
  const starter = createCommandStarter({ ...where, kernel, folder: `${runFolder}/exec` });
  const place = { ...where, folder: `${runFolder}/jobs`, fifoFolder: `${runFolder}/log` };
  const handlers = createPipelineHandlers({
    starter,
    jobs: await openJobs(place),
    roots: fileRootsOf(image.profile, fileRoots).map((one) => ({ ...one, folder: `${root}${one.path}` })),
    environment: image.config.environment,
  });
  return { handlers, close: () => watch.close() };
}

/** What is measured, and in development all of `/`; a production image that measures none gives out nothing. */
export function fileRootsOf(profile: ImageProfile, measured: readonly MeasuredFileRoot[]): readonly FileRoot[] {
  const named = measured.map(({ name, path }): FileRoot => ({ name, path, access: 'both' }));
  return profile === 'development' ? [...DEVELOPMENT_ROOTS, ...named] : named;
}
