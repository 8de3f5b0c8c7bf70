// Faults between services: requirements that nobody meets, circles, names that stand for two. What only orders may name a service that
// is not there, as one image has it and the next does not.
import {
  buildServiceGraph,
  isFatalFault,
  MAX_SERVICES,
  type MeasuredService,
  type ServiceRelation,
} from '@caisson/core/measured';
import type { ServiceFault } from './fault.ts';
import type { Place } from './locate-key.ts';
import { nearestWord } from './nearest-word.ts';

export interface PlacedService {
  readonly service: MeasuredService;
  readonly file: string;
  readonly place: Place;
  placeOf(key: string): Place;
}

const keyOf: Readonly<Record<ServiceRelation, string>> = {
  before: 'Before',
  after: 'After',
  requires: 'Requires',
  requiredBy: 'RequiredBy',
};

/** `unread` are services whose own file is no service file at all: naming them is no second fault. */
export function checkLinks(placed: readonly PlacedService[], unread: ReadonlySet<string>): ServiceFault[] {
  const byName = new Map(placed.map((one) => [one.service.name, one]));
  const at = (name: string, key?: string): Pick<ServiceFault, 'file' | 'line' | 'column'> => {
    const one = byName.get(name);
    const place = (key === undefined ? one?.place : one?.placeOf(key)) ?? { line: 1, column: 1 };
    return { file: one?.file ?? '', ...place };
  };
  const found: ServiceFault[] = [];
  const { faults } = buildServiceGraph(placed.map(({ service }) => service));
  for (const fault of faults) {
    const level = isFatalFault(fault) ? 'fault' : 'warning';
    if (fault.kind === 'cycle') {
      const [first = ''] = fault.services;
      const circle = [...fault.services, first].join(' -> ');
      found.push({ level, ...at(first), message: `services wait for each other: ${circle}` });
    } else if (fault.kind === 'unknown' && !unread.has(fault.target)) {
      const { service, relation, target } = fault;
      const nearest = nearestWord(target, byName.keys());
      const question = nearest === undefined ? '' : ` (did you mean ${nearest}?)`;
      const effect = level === 'warning' ? ', which is ignored' : '';
      const message = `${keyOf[relation]} of ${service} names ${target}, and there is no such service${question}${effect}`;
      const hint = target === 'network' ? { hint: 'network is there when the image has the component network' } : {};
      found.push({ level, ...at(service, keyOf[relation]), message, ...hint });
    }
  }
  for (const { service } of placed) {
    for (const target of service.requires) checkEnabled(service.name, target);
    for (const target of service.requiredBy) checkEnabled(target, service.name);
  }
  if (placed.length > MAX_SERVICES) {
    const message = `an image must have at most ${MAX_SERVICES} services, got ${placed.length}`;
    found.push({ level: 'fault', file: placed[MAX_SERVICES]?.file ?? '', line: 1, column: 1, message });
  }
  return found;

  function checkEnabled(name: string, target: string): void {
    if (byName.get(name)?.service.enabled !== true || byName.get(target)?.service.enabled !== false) return;
    const message = `${name} requires ${target}, which is disabled: ${name} could never start`;
    found.push({ level: 'fault', ...at(name), message });
  }
}
