// What came of enclaves that were brought up, for people and as JSON.
import { plain } from '@caisson/core/log';
import type { UpOutcome, Verdict } from '@caisson/host/engine';
import { durationText } from './duration-text.ts';

export function outcomeFacts(enclaves: readonly UpOutcome[]): object {
  return {
    v: 1,
    enclaves: enclaves.map(({ name, kind, image, verdict, ...rest }) => ({
      name,
      result: kind,
      ...rest,
      image: image?.path ?? null,
      measurements: image?.measurements ?? null,
      verdict: verdict === null ? null : verdictFacts(verdict),
    })),
  };
}

function verdictFacts(verdict: Verdict): object {
  if (!verdict.holds) return { holds: false, why: verdict.why, hint: verdict.hint };
  const { simulated, policy, operator, pcrs } = verdict;
  return { holds: true, simulated, policy, operator, pcrs };
}

/** Lines about an enclave that is as it was asked for. */
export function readyLines(outcome: UpOutcome): string[] {
  const { name, kind, unchanged, backend, cid, readyMs, ingress, verdict, debug, profile } = outcome;
  if (kind === 'started')
    return [`${name}  STARTED  ${placeText(outcome)}; caisson wait ${name} waits until it is ready`];
  if (kind !== 'ready') return [];
  const since = unchanged ? ', unchanged' : readyMs === null ? '' : `, after ${durationText(readyMs)}`;
  const cidText = cid === null ? '' : `, CID ${cid}`;
  return [
    `${name}  READY  ${backend}${cidText}, ${profile}${since}`,
    ...ingress.map((way) => `  ${way}`),
    ...(debug ? ['  DEBUG: PCR0 to PCR2 are zeros, the console is open: it proves nothing'] : []),
    ...(verdict === null ? [] : verdictLines(verdict)),
  ];
}

function verdictLines(verdict: Verdict): string[] {
  if (verdict.holds) {
    const how = verdict.simulated ? 'VERIFIED (SIMULATED)' : 'VERIFIED';
    return [`  ${how}  its document holds under ${plain(verdict.policy)}`];
  }
  return [
    `  NOT VERIFIED  ${plain(verdict.why)}`,
    ...(verdict.hint === null ? [] : [`  hint: ${plain(verdict.hint)}`]),
  ];
}

/** Lines about any other: the cause, the evidence, one thing to try. */
export function failureLines({ name, kind, failedIn, verdict, failure }: UpOutcome): string[] {
  if (kind === 'ready' || kind === 'started') return [];
  const word = { failed: 'FAILED', late: 'NOT READY', refused: 'REFUSED', skipped: 'NOT STARTED' }[kind];
  const { message, hint, evidence } = failure ?? {
    message: verdict?.holds === false ? verdict.why : 'nobody saw why',
    hint: verdict?.holds === false ? verdict.hint : null,
    evidence: [],
  };
  return [
    `${name}  ${word}${failedIn === null ? '' : `  in ${failedIn}`}`,
    ...message.split('\n').map((line) => `  ${plain(line)}`),
    ...evidence.flatMap(({ what, lines }) => [`  ${what}:`, ...lines.map((line) => `    | ${plain(line)}`)]),
    ...(hint === null ? [] : [`  try: ${plain(hint)}`]),
  ];
}

function placeText({ backend, cid }: UpOutcome): string {
  return `${backend}${cid === null ? '' : `, CID ${cid}`}`;
}
