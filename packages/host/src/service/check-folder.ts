// `caisson service check`: the faults of a folder as the builder would find them, without a root file system to look for programs in.
import { compileInit } from './compile-init.ts';
import { type ServiceFault, ServiceFaultError } from './fault.ts';
import { type CheckedServices, judgeServices } from './judge-service.ts';
import { readFolderInit, readFolderSources } from './service-source.ts';

export interface CheckFolderOptions {
  /** The image will have a command of its own, the service `app`. */
  readonly application?: boolean;
  /** It will have the component `network`. */
  readonly network?: boolean;
}

/**
 * Every fault of a folder of service files, or of a source that has such folders, and of its init.yaml; nothing is started. Throws
 * CaissonError SERVICE_READ.
 */
export async function checkServiceFolder(
  directory: string,
  options: CheckFolderOptions = {},
): Promise<CheckedServices> {
  const init = await checkInit(directory);
  const sources = await readFolderSources(directory, init.folders);
  const application =
    options.application === true ? { argv: ['app'], env: [], workingDirectory: null, user: null } : null;
  const { services, faults } = judgeServices(sources, {
    application,
    network: options.network === true,
    programs: null,
  });
  return { services, faults: [...init.faults, ...faults] };
}

async function checkInit(
  directory: string,
): Promise<{ readonly faults: readonly ServiceFault[]; readonly folders: readonly string[] }> {
  const init = await readFolderInit(directory);
  if (init === null) return { faults: [], folders: [] };
  const { file, text } = init;
  if (typeof text !== 'string') {
    const message = text.problem.replace('a service file', 'init.yaml');
    return { faults: [{ level: 'fault', file, line: 1, column: 1, message }], folders: [] };
  }
  try {
    const { warnings, serviceFolder } = compileInit(text, file);
    return { faults: warnings, folders: serviceFolder === null ? [] : [serviceFolder.replace(/^\/+/, '')] };
  } catch (error) {
    if (!(error instanceof ServiceFaultError)) throw error;
    return { faults: error.faults, folders: [] };
  }
}
