// How a simulation differs from hardware, for whoever starts one; docs/simulation.md has the same list with its reasons.

export const SIM_DIFFERENCES: readonly string[] = [
  'SIMULATED: nothing is isolated from this machine, whose kernel and root see everything inside',
  'documents are signed by a root made here; no verifier takes them that was not told to',
  'PCR0, PCR1, PCR2 and PCR8 are those of the image as built; nothing measures what really runs',
  "the image runs on this machine's kernel, not on its own; its ramdisks are unpacked, its kernel is not looked at",
  "random numbers, clock and entropy are this machine's; the checks for the NSM's are skipped",
  'vsock is a folder of unix sockets, and AF_VSOCK itself is not there; inside only user 0 reaches it',
  'file systems of the image lie in memory with nosuid and nodev',
];

export interface DepartureTerms {
  readonly isRoot: boolean;
  /** The program of a production image was replaced. */
  readonly isProgramReplaced: boolean;
  readonly servicesWithoutUser: readonly string[];
  readonly hasMemoryGroup: boolean;
  readonly cpuCount: number | undefined;
  readonly leftOut: readonly { readonly path: string; readonly why: string }[];
}

// Chosen: a person reads no more.
const maxNamed = 8;

/** What of this image and this spec does not hold. */
export function describeDepartures(terms: DepartureTerms): string[] {
  const { isRoot, isProgramReplaced, servicesWithoutUser, hasMemoryGroup, cpuCount, leftOut } = terms;
  const said: string[] = [];
  if (isProgramReplaced) {
    said.push(
      'the production program of the image knows no simulated wall: the development program of this Caisson runs in its place, under the measurements of the image',
    );
  }
  if (!isRoot) said.push('without root everything inside is one user: owners of files are not applied');
  if (servicesWithoutUser.length > 0) {
    said.push(`without root \`User=\` and \`Group=\` are not applied: ${servicesWithoutUser.join(', ')}`);
  }
  if (!hasMemoryGroup) said.push('memory of processes is not bounded here, only that of files');
  if (cpuCount !== undefined)
    said.push(`${cpuCount} cpus are a number only: processes run on all of this machine's; name cpu ids to bind them`);
  if (leftOut.length > 0) {
    const named = leftOut.slice(0, maxNamed).map(({ path, why }) => `${path} (${why})`);
    const more = leftOut.length > maxNamed ? ` and ${leftOut.length - maxNamed} more` : '';
    said.push(`left out of the image: ${named.join(', ')}${more}`);
  }
  return said;
}
