// Puts the result of one enclave together.
import type { RecordedSpec } from '../record/index.ts';
import type { Fault } from './failure.ts';
import { ingressText } from './resolve-spec.ts';
import type { UpOutcome } from './result.ts';
import type { Started } from './start-enclave.ts';
import type { Timeline } from './timeline.ts';

export function outcomeOf(spec: RecordedSpec, timeline: Timeline, started: Started): UpOutcome {
  const { kind, unchanged, changes, last, verdict, failure } = started;
  const { name, backend, image: path, measurements, profile, debug, ingress } = spec;
  return {
    name,
    kind,
    unchanged,
    changes,
    backend,
    profile,
    debug,
    verdict,
    failure,
    cid: last?.cid ?? null,
    image: { path, measurements },
    ingress: ingress.map(ingressText),
    phases: timeline.phases,
    failedIn: timeline.failedIn,
    readyMs: last?.readyMs ?? null,
  };
}

/** The result of an enclave that failed before it had a record, or right after. */
export function faultOutcome(
  name: string,
  timeline: Timeline,
  { kind, failure }: Fault | { readonly kind: 'skipped'; readonly failure: Fault['failure'] },
  spec?: RecordedSpec,
): UpOutcome {
  return {
    name,
    kind,
    failure,
    unchanged: false,
    changes: [],
    cid: null,
    readyMs: null,
    verdict: null,
    backend: spec?.backend ?? null,
    profile: spec?.profile ?? null,
    debug: spec?.debug ?? false,
    image: spec === undefined ? null : { path: spec.image, measurements: spec.measurements },
    ingress: spec?.ingress.map(ingressText) ?? [],
    phases: timeline.phases,
    failedIn: timeline.failedIn,
  };
}
