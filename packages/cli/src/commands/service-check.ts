// `caisson service check`: every fault of every service file of a folder; exit 1 for any.
import { withExitAction } from '../exit-action.ts';
import { EXIT_FAILED, EXIT_OK } from '../exit-code.ts';
import { harmlessText } from '../harmless.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

interface Flags {
  readonly application?: true;
  readonly network?: true;
  readonly json?: true;
}

export const registerServiceCheck: RegisterCommand = (service, surroundings) => {
  const command = service
    .command('check <dir>')
    .description(
      'list every fault of the service files and init.yaml of a folder (also in etc/init.d, service); exit 1 for any',
    )
    .option('--application', 'the image has a command of its own, which is the service app')
    .option('--network', 'the image has the component network, which is the service network')
    .option('--json', 'print one JSON document');
  withExitAction(command, (directory: string, flags: Flags) => check(directory, flags, surroundings));
};

async function check(directory: string, flags: Flags, { stdout }: Surroundings): Promise<number> {
  const { checkServiceFolder, formatServiceFault } = await import('@caisson/host/service');
  const { application = false, network = false } = flags;
  const { faults, services } = await checkServiceFolder(directory, { application, network });
  const ok = !faults.some(({ level }) => level === 'fault');
  const names = services.map(({ name }) => name);
  if (flags.json) stdout.write(`${JSON.stringify({ v: 1, ok, services: names, faults })}\n`);
  else {
    for (const fault of faults) {
      stdout.write(
        `${harmlessText(formatServiceFault(fault))}\n${fault.hint === undefined ? '' : `  hint: ${fault.hint}\n`}`,
      );
    }
    if (ok) stdout.write(`ok: ${names.length} services in ${directory}\n`);
  }
  return ok ? EXIT_OK : EXIT_FAILED;
}
