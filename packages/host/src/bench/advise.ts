// Which limit a pattern hits, in words, from what was measured in the same run.
import type { Pattern } from './pattern.ts';
import type { Sample } from './sample.ts';
import type { Survey } from './survey.ts';

export type Limit = 'round-trip' | 'bandwidth' | 'socket' | 'processor';

export interface Advice {
  readonly limit: Limit;
  readonly words: string;
}

// Chosen: from which share on something is called the limit.
const waitingShare = 0.5;
const bandwidthShare = 0.6;
const socketShare = 0.25;

export function advise(
  { pattern, sample }: { readonly pattern: Pattern; readonly sample: Sample },
  of: Survey,
): Advice {
  const bestBytes = Math.max(...of.cells.map(({ sample: { bytesPerSecond } }) => bytesPerSecond));
  // The rate that the round trip alone allows at this depth.
  const roundTripRate = (pattern.depth * 1_000_000) / of.roundTripUs.p50;
  const rate = `${Math.round(sample.perSecond)} messages a second`;
  if (sample.perSecond > roundTripRate * waitingShare && deeper(pattern, sample, of)) {
    const times = Math.max(...alike(pattern, of).map((cell) => cell.sample.perSecond)) / sample.perSecond;
    return {
      limit: 'round-trip',
      words:
        `${rate}: the round trip of ${Math.round(of.roundTripUs.p50)} us is the limit, because only ${pattern.depth} ` +
        `${pattern.depth === 1 ? 'request is' : 'requests are'} on the way at once. Do not wait for each reply before the next ` +
        `request: with more at once this size went ${times.toFixed(1)} times as fast in this run.`,
    };
  }
  if (sample.bytesPerSecond > bestBytes * bandwidthShare) {
    return {
      limit: 'bandwidth',
      words:
        `${rate}: bytes are the limit, ${megabytes(sample)} of the ${Math.round(bestBytes / 1e6)} MB/s that this way ` +
        'carried at best. Send less, compress, or spread over several connections if one processor is idle.',
    };
  }
  if ((sample.socketWait ?? 0) > socketShare) {
    return {
      limit: 'socket',
      words:
        `${rate}: the other side does not read fast enough, ${Math.round((sample.socketWait ?? 0) * 100)} % of the time ` +
        'the socket was full. Look at what its handlers do.',
    };
  }
  return {
    limit: 'processor',
    words:
      `${rate}: the processor is the limit, ${sample.cpuUsPerMessage.toFixed(2)} us of it a message on this side. Fewer and greater ` +
      'messages cost less; so does the callback form (channel.call) for the small ones.',
  };
}

function alike(pattern: Pattern, { cells }: Survey): Survey['cells'] {
  const near = cells.filter(({ pattern: { bothWays, protobuf, replyBytes } }) => !bothWays && !protobuf && !replyBytes);
  const distance = (bytes: number): number => Math.abs(Math.log2((bytes + 1) / (pattern.messageBytes + 1)));
  const least = Math.min(...near.map((cell) => distance(cell.pattern.messageBytes)));
  return near.filter((cell) => distance(cell.pattern.messageBytes) === least);
}

function deeper(pattern: Pattern, sample: Sample, of: Survey): boolean {
  return alike(pattern, of).some(
    (cell) => cell.pattern.depth > pattern.depth && cell.sample.perSecond > sample.perSecond * 1.3,
  );
}

function megabytes({ bytesPerSecond }: Sample): string {
  return `${Math.round(bytesPerSecond / 1e6)} MB/s`;
}
