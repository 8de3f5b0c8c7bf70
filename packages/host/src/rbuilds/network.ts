// The ways in and out of an rbuilds image. Only listed ones: what is let through transparently is decided by whoever writes the packet,
// and an enclave's destinations are measured here. EXPOSE lists the ways in where caisson.yaml does not.
import { CaissonError, ParseError } from '@caisson/core/errors';
import type { MeasuredEgress, MeasuredIngress } from '@caisson/core/measured';
import { parseDockerfile } from '../dockerfile/parse.ts';
import type { RbuildsErrorCode } from './error-code.ts';
import type { RbuildsSettings } from './settings.ts';

export interface Ways {
  readonly ingress: readonly MeasuredIngress[];
  readonly egress: readonly MeasuredEgress[];
}

/** Throws CaissonError RBUILDS_NETWORK with --fw-net. */
export function refuseForward({ forwardNetwork }: RbuildsSettings): void {
  if (!forwardNetwork) return;
  throw new CaissonError<RbuildsErrorCode>(
    'RBUILDS_NETWORK',
    '--fw-net cannot be had: the transparent proxies and the DNS of an enclave are not built yet',
    { hint: 'list destinations under egress in caisson.yaml and build with --network' },
  );
}

/** What the image gets of `listed`. Throws CaissonError RBUILDS_NETWORK where a way is asked for and none is listed. */
export function chooseWays(
  settings: RbuildsSettings,
  listed: Ways,
  exposed: readonly MeasuredIngress[],
  say: (line: string) => void,
): Ways {
  refuseForward(settings);
  const { network, reverseNetwork } = settings;
  const found = { ingress: listed.ingress.length > 0 ? listed.ingress : exposed, egress: listed.egress };
  const wants = { ingress: network || reverseNetwork, egress: network };
  const ways = { ingress: wants.ingress ? found.ingress : [], egress: wants.egress ? found.egress : [] };
  if ((network || reverseNetwork) && ways.ingress.length + ways.egress.length === 0) {
    throw new CaissonError<RbuildsErrorCode>(
      'RBUILDS_NETWORK',
      `${network ? '--network' : '--rev-net'} needs at least one listed way, got none`,
      { hint: 'EXPOSE PORT in the Dockerfile, or ingress and egress in caisson.yaml' },
    );
  }
  for (const kind of ['ingress', 'egress'] as const) {
    const isLost = listed[kind].length > 0 && !wants[kind];
    if (isLost)
      say(`warning: ${kind} of caisson.yaml is left out without ${kind === 'ingress' ? '--rev-net or ' : ''}--network`);
  }
  return ways;
}

/** The ways in that `EXPOSE PORT[/tcp]` names. Throws ParseError RBUILDS_NETWORK. */
export function exposedPorts(dockerfile: string): MeasuredIngress[] {
  const ports = new Set<number>();
  for (const { keyword, text, line } of parseDockerfile(dockerfile).instructions) {
    if (keyword !== 'EXPOSE') continue;
    for (const word of text.split(/\s+/)) {
      const port = Number(/^(\d{1,5})(?:\/tcp)?$/i.exec(word)?.[1] ?? Number.NaN);
      if (!(port >= 1 && port <= 65_535)) {
        throw new ParseError<RbuildsErrorCode>(
          'RBUILDS_NETWORK',
          `Dockerfile line ${line}: EXPOSE must have TCP ports in 1..65535 to be a way in, got ${JSON.stringify(word)}`,
          { hint: 'list ingress in caisson.yaml instead' },
        );
      }
      ports.add(port);
    }
  }
  return [...ports].map((port) => ({ vsockPort: port, targetPort: port }));
}
