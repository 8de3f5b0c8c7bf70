// A survey for people, and as the facts of the --json document.
import { advise } from './advise.ts';
import type { Sample } from './sample.ts';
import type { Survey } from './survey.ts';

/** Lines without a line end. */
export function renderSurvey(survey: Survey): readonly string[] {
  const { roundTripUs, firstReplyUs, dialToReplyUs, atRate } = survey;
  const us = (value: number): string => `${Math.round(value)} us`;
  const best = (of: (sample: Sample) => number): number => Math.max(...survey.cells.map(({ sample }) => of(sample)));
  const rows = survey.cells.map(({ pattern, sample }) => {
    const naive = survey.naive.find(({ messageBytes }) => messageBytes === pattern.messageBytes);
    const ratio =
      naive === undefined || pattern.replyBytes || pattern.bothWays || pattern.protobuf
        ? ''
        : `${(sample.perSecond / naive.sample.perSecond).toFixed(1)} x`;
    return [
      pattern.name,
      Math.round(sample.perSecond).toString(),
      (sample.bytesPerSecond / 1e6).toFixed(0),
      sample.p50Us?.toFixed(0) ?? '-',
      sample.p99Us?.toFixed(0) ?? '-',
      (sample.callsPerMessage ?? Number.NaN).toFixed(3),
      ratio,
    ];
  });
  return [
    `round trip      ${us(roundTripUs.p50)} at the median, ${us(roundTripUs.p99)} at p99 (16 B, one at a time)`,
    `first reply     ${us(firstReplyUs.channel)} on an open connection; the naive way ${us(firstReplyUs.naive)}`,
    `from the dial   ${us(dialToReplyUs.channel)} to the first reply; the naive way ${us(dialToReplyUs.naive)}`,
    `at one rate     ${atRate.perSecond} a second: p99 ${us(atRate.channelP99Us)}; the naive way ${us(atRate.naiveP99Us)}`,
    `writes          ${Math.round(best(({ writesPerSecond }) => writesPerSecond ?? 0))} a second at most`,
    `bandwidth       ${(best(({ bytesPerSecond }) => bytesPerSecond) / 1e6).toFixed(0)} MB/s at most, both directions together`,
    '',
    ...table(['pattern', 'messages/s', 'MB/s', 'p50 us', 'p99 us', 'calls/message', 'naive'], rows),
    ...(survey.own === null ? [] : ['', `${survey.own.pattern.name}: ${advise(survey.own, survey).words}`]),
  ];
}

export function surveyFacts(survey: Survey): object {
  const { own, ...rest } = survey;
  return { ...rest, own: own === null ? null : { ...own, ...advise(own, survey) } };
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [head, ...rows].map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
      .join('  ')
      .trimEnd(),
  );
}
