// The metadata section, in nitro-cli's form so that its users find what they look for. It is in no PCR; what counts of it stands in the
// measured files too. Its only time is the one that was asked for.
import type { ImageComponent } from '@caisson/core/measured';
import type { BuildPlan } from './plan.ts';

export function createMetadata(
  { settings, kernel, builderVersion }: BuildPlan,
  components: readonly ImageComponent[],
): Record<string, unknown> {
  return {
    ImageName: settings.name,
    ImageVersion: settings.version,
    BuildMetadata: {
      BuildTime: formatTime(settings.sourceDateEpoch),
      BuildTool: 'caisson',
      BuildToolVersion: builderVersion,
      OperatingSystem: 'Linux',
      KernelVersion: kernel.version,
    },
    DockerInfo: null,
    CustomMetadata: settings.customMetadata ?? {
      CaissonProfile: settings.profile,
      CaissonInit: settings.init,
      CaissonComponents: components,
    },
  };
}

/** RFC 3339 with an offset, as nitro-cli writes it. */
export function formatTime(unixSeconds: number): string {
  return new Date(unixSeconds * 1000).toISOString().replace('.000Z', '+00:00');
}
