// What differs between a record and what is asked for now, in words. Differences that change nothing for a running enclave do not count: when it
// was asked for, how long to wait for it, where an image with the same measurements lies.
import type { RecordedSpec } from '../record/index.ts';
import { endpointsText } from './config-way.ts';
import { cpusText, ingressText } from './resolve-spec.ts';

const shownDigits = 12;

/** One sentence for each difference; empty if the running enclave is what is asked for. */
export function compareSpec(before: RecordedSpec, now: RecordedSpec): string[] {
  const facts = [describe(before), describe(now)] as const;
  return Object.keys(facts[1]).flatMap((key) => {
    const [was, is] = [facts[0][key]!, facts[1][key]!];
    return was === is ? [] : [`${key} ${shown(was)} -> ${shown(is)}`];
  });
}

function shown(value: string): string {
  if (value === '') return 'none';
  return /^[0-9a-f]{96}$/.test(value) ? value.slice(0, shownDigits) : value;
}

function describe(spec: RecordedSpec): Record<string, string> {
  const { measurements, config, ingress, egress, endpoints, dependsOn, labels } = spec;
  return {
    'image PCR0': measurements.PCR0,
    'image PCR1': measurements.PCR1,
    'image PCR2': measurements.PCR2,
    'image PCR8': measurements.PCR8 ?? '',
    profile: spec.profile,
    backend: spec.backend,
    cid: spec.cid === undefined ? 'any' : String(spec.cid),
    memoryMiB: String(spec.memoryMiB),
    cpus: cpusText(spec.cpus),
    debug: String(spec.debug),
    ingress: ingress
      .map((rule) => `${ingressText(rule)}${rule.holdMs === 0 ? '' : ` hold ${rule.holdMs} ms`}`)
      .join(', '),
    egress: egress.map(({ host, port }) => `${host}:${port}`).join(', '),
    endpoints: endpointsText(endpoints) ?? '',
    config: config?.sha384 ?? '',
    restart: spec.restart,
    'log level': spec.logLevel ?? '',
    'log file': spec.logFile ?? '',
    'depends on': dependsOn.join(', '),
    labels: Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .sort()
      .join(', '),
  };
}
