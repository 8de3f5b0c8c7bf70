// Service files into the measured file of an image: all of them are read and checked together, and any fault is a failed build.
import {
  environmentNameForm,
  type MeasuredService,
  type MeasuredServices,
  parseMeasuredServices,
  SERVICE_LIMITS,
  writeMeasuredServices,
} from '@caisson/core/measured';
import type { RootTree } from '../tree/index.ts';
import {
  type ApplicationCommand,
  createApplication,
  createNetwork,
  NETWORK_SERVICE,
  withApplication,
} from './built-in.ts';
import { checkLinks, type PlacedService } from './check-link.ts';
import { refuseFaults, type ServiceFault } from './fault.ts';
import { findProgram } from './find-program.ts';
import { parseServiceText, startBytes } from './parse-service.ts';
import { readFolderSources, readTreeSources, SERVICE_FOLDERS, type ServiceSource } from './service-source.ts';

export interface CompileServicesOptions {
  /** The image's own command: the service `app`. A file app.service without ExecStart is about it. */
  readonly application?: ApplicationCommand | null;
  /** The image has the component `network`: the built-in service of that name stands. Default false. */
  readonly network?: boolean;
  /** One more folder of the tree to read, as init.yaml's `service_dir` names it: an absolute path. */
  readonly serviceFolder?: string | null;
  /** Each program must be in `tree`, and bare names are looked up in it. Default true. */
  readonly findPrograms?: boolean;
}

export interface CompiledServices {
  readonly measured: MeasuredServices;
  /** /etc/caisson/services.json. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly warnings: readonly ServiceFault[];
  /** vsock ports on which services answer `{"action":"health"}` themselves: the supervisor's own must be another. */
  readonly actionPorts: readonly number[];
}

/** `tree` is the whole root file system. Throws ServiceFaultError SERVICE_FAULTS with every fault of every file. */
export async function compileServices(tree: RootTree, options: CompileServicesOptions = {}): Promise<CompiledServices> {
  const extra = options.serviceFolder?.replace(/^\/+|\/+$/g, '');
  const folders = extra === undefined || extra === '' ? SERVICE_FOLDERS : [...new Set([...SERVICE_FOLDERS, extra])];
  const sources = await readTreeSources(tree, folders);
  const programs = options.findPrograms === false ? null : tree;
  const { services, faults } = judge(sources, { ...options, programs });
  refuseFaults(faults);
  const measured: MeasuredServices = { v: 1, services };
  const ports = services.flatMap(({ ready }) =>
    ready.kind === 'action' && ready.transport === 'vsock' ? [ready.port] : [],
  );
  const bytes = writeMeasuredServices(measured);
  // What the enclave would refuse at boot, by the very same reader.
  parseMeasuredServices(bytes);
  return {
    measured,
    bytes,
    warnings: faults,
    actionPorts: [...new Set(ports)].sort(),
  };
}

export interface CheckedServices {
  readonly services: readonly MeasuredService[];
  /** In the order of the files. */
  readonly faults: readonly ServiceFault[];
}

/**
 * Every fault of a folder of service files, or of a source that has such folders; nothing is started. `application` and `network`:
 * the image will have them. Throws CaissonError SERVICE_READ.
 */
export async function checkServiceFolder(
  directory: string,
  options: Pick<CompileServicesOptions, 'network'> & { readonly application?: boolean } = {},
): Promise<CheckedServices> {
  const sources = await readFolderSources(directory);
  const application =
    options.application === true ? { argv: ['app'], env: [], workingDirectory: null, user: null } : null;
  return judge(sources, { application, network: options.network === true, programs: null });
}

function judge(
  sources: readonly ServiceSource[],
  options: CompileServicesOptions & { readonly programs: RootTree | null },
): CheckedServices {
  const faults: ServiceFault[] = [];
  const placed: PlacedService[] = [];
  const unread = new Set<string>();
  const owners = new Map<string, string>();
  if (options.network === true) owners.set(NETWORK_SERVICE, 'the image itself, which has network built in');
  const application = options.application ?? null;
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
      unread.add(name);
      continue;
    }
    const { service, fault } = withApplication(parsed.service, application);
    if (fault !== undefined) faults.push({ ...fault, file, ...parsed.place });
    placed.push({ service, file, place: parsed.place });
  }
  const place = { line: 1, column: 1 };
  if (options.network === true) placed.push({ service: createNetwork(), file: 'image', place });
  if (application !== null && !owners.has('app')) {
    placed.push({ service: createApplication(application, options.network === true), file: 'image', place });
  }
  for (const one of placed) faults.push(...checkStart(one));
  faults.push(...checkLinks(placed, unread));
  const services = placed.map((one) => located(one, options.programs, faults));
  // By name, so that nothing but the words of the files decides the bytes.
  services.sort((left, right) => (left.name < right.name ? -1 : 1));
  const order = new Map([...sources.map(({ file }) => file), 'image'].map((file, index) => [file, index]));
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
  const message = `ExecStart of ${service.name} must name a program of the image, got ${word}: ${found.missing}`;
  faults.push({ level: service.enabled ? 'fault' : 'warning', file, ...place, message });
  return service;
}
