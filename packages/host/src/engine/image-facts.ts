// What the engine must know of an image before it is started: what it measures, and what its measured files say about ways in and out, its config,
// and whether it can say that it is ready.
import type { MeasuredImage } from '@caisson/core/measured';
import type { Manifest } from '../build/index.ts';
import { type ImageMeasurements, measureOpenImage, openImageFile, readMeasuredFiles } from '../image/index.ts';

export interface ImageFacts {
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  readonly measurements: ImageMeasurements;
  readonly architecture: 'x86_64' | 'aarch64';
  /** Of an image of another builder: production, since nothing in it says otherwise. */
  readonly profile: 'development' | 'production';
  /** As it calls itself. */
  readonly name: string | null;
  /** What the supervisor of ours has been told; null without one: nothing about its ways in and out is known then. */
  readonly terms:
    | (Pick<MeasuredImage, 'ingress' | 'egress' | 'healthPort'> & {
        readonly config: MeasuredImage['config']['expect'];
        /** How long it waits for one. */
        readonly configTimeoutMs: number;
        /** What a boot config calls `endpoints` is a way out. */
        readonly takesEndpoints: boolean;
      })
    | null;
  readonly hasReadyLine: boolean;
  readonly hasControl: boolean;
}

/** Of a file. Throws what opening, measuring and reading an image throws. */
export async function readImageFacts(path: string): Promise<ImageFacts> {
  const file = await openImageFile(path);
  try {
    const { measurements, survey } = await measureOpenImage(file);
    const { summary, image } = await readMeasuredFiles(file, survey.sections);
    await file.requireUnchanged();
    return {
      path,
      bytes: file.size,
      measurements,
      architecture: survey.header.architecture,
      profile: summary?.profile ?? 'production',
      name: image?.name ?? null,
      ...termsOf(image),
    };
  } finally {
    await file.close();
  }
}

/** Of an image that was just built, or was built earlier from the same: its manifest knows. The shim measures the file itself. */
export function factsOfManifest(path: string, { settings, measurements, size, components }: Manifest): ImageFacts {
  const { architecture, profile, name, ingress, egress, healthPort, config } = settings;
  const image = settings.init === 'plain' ? undefined : { ingress, egress, healthPort, config, components };
  return { path, bytes: size, measurements, architecture, profile, name, ...termsOf(image) };
}

function termsOf(
  image:
    | (Pick<MeasuredImage, 'ingress' | 'egress' | 'healthPort' | 'components'> & {
        readonly config: Pick<MeasuredImage['config'], 'expect' | 'endpoints' | 'timeoutMs'>;
      })
    | undefined,
): Pick<ImageFacts, 'terms' | 'hasReadyLine' | 'hasControl'> {
  if (image === undefined) return { terms: null, hasReadyLine: false, hasControl: false };
  const { ingress, egress, healthPort, config, components } = image;
  return {
    terms: {
      ingress,
      egress,
      healthPort,
      config: config.expect,
      configTimeoutMs: config.timeoutMs,
      takesEndpoints: components.includes('network') || config.endpoints !== null,
    },
    hasReadyLine: components.includes('ready'),
    hasControl: components.includes('control'),
  };
}
