// `caisson nsm describe`: what the NSM says about itself.
import type { Command } from 'commander';
import { withNsm } from '../nsm-session.ts';
import type { Surroundings } from '../surroundings.ts';

export function registerNsmDescribe(nsm: Command, surroundings: Surroundings): void {
  nsm
    .command('describe')
    .description('show module id, version and locked PCRs')
    .option('--json', 'print one JSON document')
    .action(async (options: { readonly json?: boolean }) => {
      const about = await withNsm(surroundings, (client) => client.describeNsm());
      const { moduleId, maxPcrs, lockedPcrs, digest } = about;
      const version = `${about.versionMajor}.${about.versionMinor}.${about.versionPatch}`;
      surroundings.stdout.write(
        options.json
          ? `${JSON.stringify({ v: 1, moduleId, version, digest, maxPcrs, lockedPcrs })}\n`
          : [
              `module id  ${moduleId}`,
              `version    ${version}`,
              `digest     ${digest}`,
              `PCRs       ${maxPcrs}, locked ${ranges(lockedPcrs)}`,
              '',
            ].join('\n'),
      );
    });
}

/** `0-15, 17`. */
function ranges(indexes: readonly number[]): string {
  const runs: [number, number][] = [];
  for (const index of [...indexes].sort((left, right) => left - right)) {
    const last = runs.at(-1);
    if (last !== undefined && last[1] + 1 === index) last[1] = index;
    else runs.push([index, index]);
  }
  return runs.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(', ') || 'none';
}
