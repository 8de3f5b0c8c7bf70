// `caisson config send`: standard input to an enclave that waits for its config, framed where it can be, with the enclave's reply.
import { openSession, parseCidWord, parsePortWord } from '../argonaut-session.ts';
import { type ConfigFormFlags, configFormOf, withConfigForm } from '../config-form.ts';
import { untilStopped } from '../ended-by.ts';
import { withExitAction } from '../exit-action.ts';
import type { RegisterCommand, Surroundings } from '../surroundings.ts';

// Chosen: as long as a TCP connect waits by default in the tools around this one; nobody asked to wait for a boot.
const dialTimeoutMs = 5_000;

export const registerConfigSend: RegisterCommand = (config, surroundings) => {
  const isOld = surroundings.name === 'argonaut';
  const command = config
    .command(isOld ? 'send <cid> <vsock-port>' : 'send <cid> [vsock-port]')
    .description('send stdin (at most 1 MiB) to an enclave; on 7777 (the default) the framed port 7778 is tried first');
  if (!isOld) withConfigForm(command);
  withExitAction(command, (cid: string, port: string | undefined, flags: ConfigFormFlags) =>
    send(cid, port, flags, surroundings),
  );
};

async function send(
  cidWord: string,
  portWord: string | undefined,
  flags: ConfigFormFlags,
  surroundings: Surroundings,
): Promise<number> {
  const cid = parseCidWord(cidWord);
  const port = portWord === undefined ? undefined : parsePortWord(portWord);
  const wanted = configFormOf(flags);
  const session = await openSession(surroundings);
  const { stdin, stop } = surroundings;
  const work = async (): Promise<void> => {
    const { MAX_CONFIG_BYTES } = await import('@caisson/core/config');
    const { readBoundedStream } = await import('@caisson/link/argonaut');
    const { RAW_CONFIG_PORT } = await import('@caisson/link/config');
    const { sendBootConfig } = await import('@caisson/host/boot-config');
    const bytes = await readBoundedStream(stdin, { maxBytes: MAX_CONFIG_BYTES, what: 'config on stdin' }, stop);
    // Another port than the known one is somebody's own `config recv`, which is raw.
    const form = wanted ?? (port === undefined || port === RAW_CONFIG_PORT ? undefined : 'raw');
    await sendBootConfig({
      ...session,
      cid,
      bytes,
      timeoutMs: dialTimeoutMs,
      signal: stop,
      ...(form === undefined ? {} : { form }),
      ...(form === undefined || port === undefined ? {} : { port }),
    });
  };
  return await untilStopped(work(), stop);
}
