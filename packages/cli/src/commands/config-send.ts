// `caisson config send`: standard input to a vsock port, raw; the end of the stream ends it.
import { openSession, parseCidWord, parsePortWord, untilStopped } from '../argonaut-session.ts';
import { withExitAction } from '../exit-action.ts';
import type { RegisterCommand } from '../surroundings.ts';

// Chosen: as long as a TCP connect waits by default in the tools around this one; nobody asked to wait for a boot.
const dialTimeoutMs = 5_000;

export const registerConfigSend: RegisterCommand = (config, surroundings) => {
  const command = config.command('send <cid> <vsock-port>').description('send stdin (at most 1 MiB) to a vsock port');
  withExitAction(command, async (cidWord: string, portWord: string) => {
    const [cid, port] = [parseCidWord(cidWord), parsePortWord(portWord)];
    const { transport, say } = await openSession(surroundings);
    const { stdin, stop } = surroundings;
    const send = async (): Promise<void> => {
      const { MAX_CONFIG_BYTES } = await import('@caisson/core/config');
      const { readBoundedStream } = await import('@caisson/link/argonaut');
      const { sendConfig } = await import('@caisson/link/config');
      const bytes = await readBoundedStream(stdin, { maxBytes: MAX_CONFIG_BYTES, what: 'config on stdin' }, stop);
      await sendConfig({ transport, cid, port, bytes, timeoutMs: dialTimeoutMs, signal: stop });
      const message = `[host] config sent (${bytes.length} bytes) to CID ${cid} via VSOCK:${port}`;
      say({ level: 'info', code: 'CONFIG_SENT', message, fields: { cid, port, bytes: bytes.length } });
    };
    return untilStopped(send(), stop);
  });
};
