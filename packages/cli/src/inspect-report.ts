// What `caisson inspect` shows. Reasons and ends are words of an enclave: escaped.
import { plain } from '@caisson/core/log';
import type { InspectResult } from '@caisson/host/engine';
import { durationText } from './duration-text.ts';
import { sizeText } from './size-text.ts';

export function inspectFacts(result: InspectResult): object {
  return { v: 1, ...result };
}

export function inspectLines(result: InspectResult): string[] {
  const { name, folder, fault, policyFile } = result;
  return [
    `${name}`,
    ...(fault === null ? [] : [`  FAULT       ${fault.code}: ${plain(fault.message)}`]),
    ...(fault?.hint == null ? [] : [`  hint        ${plain(fault.hint)}`]),
    ...stateLines(result),
    ...specLines(result),
    `  policy      ${policyFile === null ? 'none that caisson up wrote' : plain(policyFile)}`,
    `  record      ${plain(folder)}`,
  ];
}

function stateLines({ name, state }: InspectResult): string[] {
  if (state === null) return ['  phase       never started'];
  const { phase, since, cid, backend, vsock, bootId, heartbeatMs, readyMs, restarts, reasons, shim, end, failure } =
    state;
  const { departures, documents, configSha384 } = state;
  const boot = [
    ...(heartbeatMs === null ? [] : [`heartbeat after ${durationText(heartbeatMs)}`]),
    ...(readyMs === null ? [] : [`ready after ${durationText(readyMs)}`]),
  ];
  return [
    `  phase       ${phase} since ${since}`,
    ...reasons.map((reason) => `  reason      ${plain(reason)}`),
    ...(phase === 'lost' ? [`  hint        the process that kept it is gone: caisson restart ${name}`] : []),
    `  place       ${backend}${cid === null ? '' : `, CID ${cid}`}${vsock === null ? '' : `, ${plain(vsock)}`}`,
    ...(bootId === null ? [] : [`  boot        ${bootId}`]),
    ...(boot.length === 0 ? [] : [`  times       ${boot.join(', ')}`]),
    ...(configSha384 === null ? [] : [`  config      sha384 ${configSha384}`]),
    ...(documents === null ? [] : [`  documents   ${documents.kind === 'simulated' ? 'SIMULATED' : documents.kind}`]),
    `  restarts    ${restarts}`,
    ...(end === null ? [] : [`  last end    ${end.at} ${plain(end.text)}`]),
    ...(failure === null ? [] : [`  failure     ${failure.code}: ${plain(failure.message)}`]),
    ...(failure?.hint == null ? [] : [`  hint        ${plain(failure.hint)}`]),
    `  kept by     process ${shim.pid}, caisson ${plain(shim.version)}, protocol ${shim.protocol}`,
    ...departures.map((one) => `  differs     ${plain(one)}`),
  ];
}

function specLines({ spec, image, ingress, egress }: InspectResult): string[] {
  if (spec === null) return [];
  const { measurements, profile, memoryMiB, cpus, debug, restart, readyTimeoutMs, dependsOn, labels } = spec;
  const cpuText = 'count' in cpus ? `${cpus.count} cpu${cpus.count === 1 ? '' : 's'}` : `cpus ${cpus.ids.join(', ')}`;
  const file =
    image === null ? '' : image.present ? `, ${sizeText(image.bytes ?? 0)}` : ', which is not there any more';
  const pcrs = Object.entries(measurements).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return [
    `  image       ${plain(spec.image)}${file}`,
    ...pcrs.map(([pcr, hex]) => `  ${pcr}        ${hex}`),
    `  profile     ${profile}${debug ? ', DEBUG: PCR0 to PCR2 attest as zeros' : ''}`,
    `  resources   ${memoryMiB} MiB, ${cpuText}`,
    ...ingress.map((way) => `  ingress     ${way}`),
    ...egress.map(
      ({ destination, hostPort }) =>
        `  egress      ${plain(destination)}${hostPort === null ? '' : ` by vsock 3:${hostPort}`}`,
    ),
    `  restart     ${restart}, ready within ${durationText(readyTimeoutMs)}`,
    ...(spec.logLevel === undefined ? [] : [`  logs        ${spec.logLevel} and graver`]),
    ...(spec.logFile === undefined ? [] : [`  logs        also in ${plain(spec.logFile)}`]),
    ...(spec.hasReadyLine ? [] : ['  ready line  none: ready at its heartbeat']),
    ...(spec.hasControl ? [] : ['  control     none: nobody can be proven what runs']),
    ...(dependsOn.length === 0 ? [] : [`  depends on  ${dependsOn.join(', ')}`]),
    ...Object.entries(labels).map(([key, value]) => `  label       ${plain(key)}=${plain(value)}`),
    ...(spec.composeFile === null ? [] : [`  file        ${plain(spec.composeFile)}`]),
  ];
}
