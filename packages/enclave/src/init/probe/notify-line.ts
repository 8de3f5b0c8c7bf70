// systemd's notify protocol, sd_notify(3), as far as an enclave needs it: lines `NAME=value` in a datagram. READY=1 makes a service
// ready, STATUS= is shown by `status`, STOPPING=1 and WATCHDOG=1 are known and need nothing. MAINPID= is not believed: the process
// of a service is the one that PID 1 started, and a service that names another could have one signalled that is not its own.
import { toSafeText } from '../log/text.ts';

export interface NotifyLines {
  readonly ready: boolean;
  /** Undefined: not said. */
  readonly status: string | undefined;
  readonly ignoresMainPid: boolean;
}

// Chosen.
const maxStatusCharacters = 256;

/** Any bytes; what is not known is passed over, as the protocol wants. */
export function parseNotifyLines(bytes: Uint8Array): NotifyLines {
  let ready = false;
  let ignoresMainPid = false;
  let status: string | undefined;
  for (const line of Buffer.from(bytes).toString('utf8').split('\n')) {
    if (line === 'READY=1') ready = true;
    else if (line.startsWith('MAINPID=')) ignoresMainPid = true;
    else if (line.startsWith('STATUS='))
      status = toSafeText(line.slice('STATUS='.length, 'STATUS='.length + maxStatusCharacters));
  }
  return { ready, status, ignoresMainPid };
}
