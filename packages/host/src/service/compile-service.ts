// Service files into the measured file of an image: all of them are read and checked together, and any fault is a failed build.
import { type MeasuredServices, parseMeasuredServices, writeMeasuredServices } from '@caisson/core/measured';
import type { RootTree } from '../tree/index.ts';
import type { ApplicationCommand } from './built-in.ts';
import { refuseFaults, type ServiceFault } from './fault.ts';
import type { ApplicationReady } from './give-ready.ts';
import { judgeServices } from './judge-service.ts';
import { readTreeSources, SERVICE_FOLDERS } from './service-source.ts';

export interface CompileServicesOptions {
  /** The image's own command: the service `app`. A file app.service without ExecStart is about it. */
  readonly application?: ApplicationCommand | null;
  /** The image has the component `network`: the built-in service of that name stands. Default false. */
  readonly network?: boolean;
  /** What caisson.yaml says of the application's readiness. Default: nothing. */
  readonly ready?: ApplicationReady | null;
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
  const { services, faults } = judgeServices(sources, {
    application: options.application ?? null,
    network: options.network === true,
    ready: options.ready ?? null,
    programs,
  });
  refuseFaults(faults);
  const measured: MeasuredServices = { v: 1, services };
  const ports = services.flatMap(({ ready }) =>
    ready.kind === 'action' && ready.transport === 'vsock' ? [ready.port] : [],
  );
  const bytes = writeMeasuredServices(measured);
  // Read back by the enclave's own reader, so that what it would refuse at boot fails the build.
  parseMeasuredServices(bytes);
  return {
    measured,
    bytes,
    warnings: faults,
    actionPorts: [...new Set(ports)].sort(),
  };
}
