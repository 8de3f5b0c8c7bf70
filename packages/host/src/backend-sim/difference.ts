// How a simulation differs from hardware, for whoever starts one; docs/simulation.md has the same list with its reasons.

import { isRoom, type StageChoice, type StageKind } from './choose-stage.ts';

export const SIM_DIFFERENCES: readonly string[] = [
  'SIMULATED: nothing is isolated from this machine, whose kernel and root see everything inside',
  'documents are signed by a root made here; no verifier takes them that was not told to',
  'PCR0, PCR1, PCR2 and PCR8 are those of the image as built; nothing measures what really runs',
  "the image runs on this machine's kernel, not on its own; its ramdisks are unpacked, its kernel is not looked at",
  "random numbers, clock and entropy are this machine's; the checks for the NSM's are skipped",
  'vsock is a folder of unix sockets, and AF_VSOCK itself is not there; inside only user 0 reaches it',
  'file systems of the image lie in memory with nosuid and nodev',
];

/** Differences of a simulation without a room. */
export const PLAIN_DIFFERENCES: readonly string[] = [
  'SIMULATED, AND NOT ISOLATED AT ALL: programs of the image are processes of this machine; run none that may not run here',
  ...SIM_DIFFERENCES.slice(1, -1),
  'PID 1 is not process 1: it is a program of this Caisson, outside of the image; the one of the image does not run',
  "ports, loopback, names and ways out are this machine's: two enclaves cannot listen on one port, and `egress` keeps nobody in",
  'the image lies on the disk under the state folder until the enclave ends, and what is written there has no bound',
];

export interface DepartureTerms {
  readonly stage: StageChoice;
  readonly isRoot: boolean;
  /** True if the enclave program of a production image was replaced. */
  readonly isProgramReplaced: boolean;
  readonly servicesWithoutUser: readonly string[];
  readonly hasMemoryGroup: boolean;
  readonly cpuCount: number | undefined;
  readonly leftOut: readonly { readonly path: string; readonly why: string }[];
}

// Chosen: people do not read longer lists.
const maxNamed = 8;

/** What of this image and this spec does not apply in the simulation. */
export function describeDepartures(terms: DepartureTerms): string[] {
  const { stage, isRoot, isProgramReplaced, servicesWithoutUser, hasMemoryGroup, cpuCount, leftOut } = terms;
  const said = describeStage(stage, isRoot);
  if (isProgramReplaced) {
    said.push(
      'the production program of the image knows no simulated wall: the development program of this Caisson runs in its place, under the measurements of the image',
    );
  }
  const cause = isRoot ? 'here' : 'without root';
  if (!appliesUsers(stage.kind, isRoot))
    said.push(`${cause} everything inside is one user: owners of files are not applied`);
  if (servicesWithoutUser.length > 0) {
    said.push(`${cause} \`User=\` and \`Group=\` are not applied: ${servicesWithoutUser.join(', ')}`);
  }
  const files = isRoom(stage.kind) ? ', only that of files' : '';
  if (!hasMemoryGroup) said.push(`memory of processes is not bounded here${files}`);
  if (cpuCount !== undefined)
    said.push(`cpus: ${cpuCount} is a number only here: processes run on all of this machine's; cpu_ids binds them`);
  if (leftOut.length > 0) {
    const named = leftOut.slice(0, maxNamed).map(({ path, why }) => `${path} (${why})`);
    const more = leftOut.length > maxNamed ? ` and ${leftOut.length - maxNamed} more` : '';
    said.push(`left out of the image: ${named.join(', ')}${more}`);
  }
  return said;
}

/** Whether owners of the image are applied, as users of this machine or in a range of their own. */
export function appliesUsers(kind: StageKind, isRoot: boolean): boolean {
  return isRoot && (kind === 'room' || kind === 'chroot');
}

function describeStage({ kind, why, isAsked = false }: StageChoice, isRoot: boolean): string[] {
  if (kind === 'room') return [];
  if (kind === 'single') return [`users of this enclave are one: the kernel lets this root map no others (${why})`];
  const cause = isAsked ? `${why}, which asks for no room` : `the kernel gives no room for this enclave (${why})`;
  const said = [`NOT ISOLATED: ${cause}; it is a plain process of this machine, `];
  if (kind === 'chroot') {
    said[0] += "its services shut into the image's root and nothing else";
    said.push(
      "users inside are this machine's users of the same numbers: user 0 is root here, without the rights over the machine",
      'services find no /proc, no /sys and no /dev/pts',
    );
    return said;
  }
  said[0] += `which can read and write what ${isRoot ? 'root without rights' : 'this user'} can`;
  said.push(
    'the image is a folder: words, variables, links, loaders and interpreters are led to it, and every other absolute path in a program or a script of the image means this machine',
    'a program started through its loader finds the loader where it looks for itself (/proc/self/exe)',
  );
  return said;
}
