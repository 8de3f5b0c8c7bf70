// All service files of an image together: read, checked for themselves and against each other, with the services that need no file.
import { environmentNameForm, type MeasuredService, SERVICE_LIMITS } from '@caisson/core/measured';
import type { RootTree } from '../tree/index.ts';
import {
  APPLICATION_SERVICE,
  type ApplicationCommand,
  createApplication,
  createNetwork,
  NETWORK_SERVICE,
  withApplication,
} from './built-in.ts';
import { checkLinks, type PlacedService } from './check-link.ts';
import { IMAGE_ITSELF, type ServiceFault } from './fault.ts';
import { findProgram } from './find-program.ts';
import { type ApplicationReady, giveReady } from './give-ready.ts';
import { parseServiceText, startBytes } from './parse-service.ts';
import type { ServiceSource } from './service-source.ts';

export interface JudgeOptions {
  readonly application: ApplicationCommand | null;
  readonly network: boolean;
  /** What caisson.yaml says of the application's readiness. */
  readonly ready?: ApplicationReady | null;
  /** Where programs must be; null: nobody knows. */
  readonly programs: RootTree | null;
}

export interface CheckedServices {
  readonly services: readonly MeasuredService[];
  /** In the order of the files. */
  readonly faults: readonly ServiceFault[];
}

/** Never throws for what a file may be. */
export function judgeServices(sources: readonly ServiceSource[], options: JudgeOptions): CheckedServices {
  const faults: ServiceFault[] = [];
  const placed: PlacedService[] = [];
  const unread = new Set<string>();
  const drafts: PlacedService[] = [];
  const owners = new Map<string, string>();
  if (options.network) owners.set(NETWORK_SERVICE, 'the image itself, which has network built in');
  const { application } = options;
  for (const { text, ...named } of sources) {
    const { file, name } = named;
    const fail = (message: string): void => void faults.push({ level: 'fault', file, line: 1, column: 1, message });
    const owner = owners.get(name);
    if (owner !== undefined) fail(`service ${name} is defined twice, first by ${owner}`);
    owners.set(name, owner ?? file);
    if (typeof text !== 'string') {
      fail(text.problem);
      unread.add(name);
      continue;
    }
    const parsed = parseServiceText(text, named);
    faults.push(...parsed.faults);
    if (parsed.service === undefined || owner !== undefined) {
      const { draft } = parsed;
      if (draft === undefined || owner !== undefined) unread.add(name);
      else drafts.push({ ...parsed, service: draft, file });
      continue;
    }
    const { service, fault } = withApplication(parsed.service, application);
    if (fault !== undefined) faults.push({ ...fault, file, ...parsed.place });
    placed.push({ service, file, place: parsed.place, placeOf: parsed.placeOf });
  }
  const place = { line: 1, column: 1 };
  const placeOf = () => place;
  if (options.network) placed.push({ service: createNetwork(), file: IMAGE_ITSELF, place, placeOf });
  if (application !== null && !owners.has('app')) {
    placed.push({ service: createApplication(application, options.network), file: IMAGE_ITSELF, place, placeOf });
  }
  const { ready = null } = options;
  const isUnread =
    unread.has(APPLICATION_SERVICE) || drafts.some(({ service }) => service.name === APPLICATION_SERVICE);
  const told = ready === null ? { placed, faults: [] } : giveReady(placed, ready, isUnread);
  faults.push(...told.faults);
  for (const one of placed) faults.push(...checkStart(one));
  faults.push(...checkLinks([...placed, ...drafts], unread));
  const services = told.placed.map((one) => located(one, options.programs, faults));
  // By name, so that nothing but the words of the files decides the bytes.
  services.sort((left, right) => (left.name < right.name ? -1 : 1));
  const order = new Map([...sources.map(({ file }) => file), IMAGE_ITSELF].map((file, index) => [file, index]));
  const rank = ({ file }: ServiceFault): number => order.get(file) ?? -1;
  faults.sort((left, right) => rank(left) - rank(right) || left.line - right.line || left.column - right.column);
  return { services, faults };
}

/** What PID 1 would refuse: an image's command brings its variables from elsewhere. */
function checkStart({ service, file, place }: PlacedService): ServiceFault[] {
  const found: ServiceFault[] = [];
  const fail = (message: string, hint: string): void =>
    void found.push({ level: 'fault', file, ...place, message, hint });
  for (const name of Object.keys(service.environment)) {
    if (environmentNameForm.test(name)) continue;
    fail(
      `environment of ${service.name} must have names of letters, digits and _, got ${JSON.stringify(name.slice(0, 60))}`,
      'take the variable out of the image that is built from',
    );
  }
  const size = startBytes(service);
  if (size > SERVICE_LIMITS.startBytes) {
    fail(
      `command and environment of ${service.name} must have at most ${SERVICE_LIMITS.startBytes} bytes together, got ${size}`,
      'put large values into a file of the image, or into the boot config',
    );
  }
  return found;
}

/** The service with the path of its program; what is not in the tree is a fault. */
function located(
  { service, file, place }: PlacedService,
  tree: RootTree | null,
  faults: ServiceFault[],
): MeasuredService {
  const [word, ...rest] = service.argv;
  if (tree === null || service.builtIn || word === undefined) return service;
  const { workingDirectory, environment } = service;
  const found = findProgram(tree, word, { workingDirectory, searchPath: environment['PATH'] });
  if ('path' in found) return { ...service, argv: [found.path, ...rest] };
  const what = file === IMAGE_ITSELF ? 'command must be' : `ExecStart of ${service.name} must name`;
  const message = `${what} a program of the image, got ${word}: ${found.missing}`;
  faults.push({ level: service.enabled ? 'fault' : 'warning', file, ...place, message });
  return service;
}
