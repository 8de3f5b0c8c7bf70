// The services that an image has without a file: `app`, the image's own command, and `network`, which the supervisor runs from its own
// program (hosts block, bridges; docs/service.md).
import type { MeasuredService } from '@caisson/core/measured';
import type { ServiceFault } from './fault.ts';
import { draftService } from './key-rule.ts';

/** What the image is for, as a container image or caisson.yaml says it. */
export interface ApplicationCommand {
  readonly argv: readonly string[];
  /** `NAME=value`; of a name that is given twice the last counts, as in container images. */
  readonly env: readonly string[];
  readonly workingDirectory: string | null;
  /** `user`, `user:group`, by name or number; null: root. */
  readonly user: string | null;
}

export const APPLICATION_SERVICE = 'app';
export const NETWORK_SERVICE = 'network';

/** It waits for the network where there is one: a program that dials out at once should not fail at boot. */
export function createApplication(application: ApplicationCommand, network: boolean): MeasuredService {
  const links = network ? { after: [NETWORK_SERVICE], requires: [NETWORK_SERVICE] } : {};
  return { ...draftService(APPLICATION_SERVICE, true), ...wordsOf(application), ...links };
}

export function createNetwork(): MeasuredService {
  return { ...draftService(NETWORK_SERVICE, true), builtIn: true, restart: 'always', ready: { kind: 'notify' } };
}

/** A file's service with the image's command where it has none of its own and is about it. */
export function withApplication(
  service: MeasuredService,
  application: ApplicationCommand | null,
): { readonly service: MeasuredService; readonly fault?: Pick<ServiceFault, 'level' | 'message'> } {
  const hasCommand = service.argv.length > 0;
  if (service.name !== APPLICATION_SERVICE || application === null) {
    return hasCommand
      ? { service }
      : { service, fault: { level: 'fault', message: 'ExecStart must be there, got nothing' } };
  }
  if (hasCommand) {
    const message = `ExecStart of app replaces the image's own command ${JSON.stringify(application.argv[0] ?? '')}`;
    return { service, fault: { level: 'warning', message } };
  }
  const words = wordsOf(application);
  // The service file goes before the image's own command.
  return {
    service: {
      ...service,
      argv: words.argv,
      environment: { ...words.environment, ...service.environment },
      workingDirectory: service.workingDirectory ?? words.workingDirectory,
      user: service.user ?? words.user,
      group: service.group ?? (service.user === null ? words.group : null),
    },
  };
}

function wordsOf({ argv, env, workingDirectory, user }: ApplicationCommand) {
  const environment = Object.fromEntries(
    env.map((entry) => {
      const at = entry.indexOf('=');
      return at === -1 ? [entry, ''] : [entry.slice(0, at), entry.slice(at + 1)];
    }),
  ) as Record<string, string>;
  const [name = '', group = ''] = (user ?? '').split(':');
  return {
    argv,
    environment,
    workingDirectory: workingDirectory === '' ? null : workingDirectory,
    user: name === '' ? null : name,
    group: group === '' ? null : group,
  };
}
