// Commands as children of the test itself, where PID 1 starts them in an enclave.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import type { CommandEnd, CommandStarter } from '@caisson/link/pipeline';

export function createLocalStarter(): CommandStarter {
  return {
    async start({ argv, hasInput }, variables) {
      const child = spawn(argv[0] ?? '', argv.slice(1), {
        detached: true,
        env: { PATH: '/usr/bin:/bin', ...variables },
        stdio: [hasInput ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      });
      await once(child, 'spawn');
      const ended = once(child, 'exit').then(([code, signal]): CommandEnd => {
        if (signal === null) return { kind: 'exit', code };
        return { kind: 'signal', signal: constants.signals[signal as NodeJS.Signals] };
      });
      const { pid = 0, stdin, stdout, stderr } = child;
      if (stdout === null || stderr === null) throw new TypeError('the child has no output');
      return {
        pid,
        stdin,
        stdout,
        stderr,
        ended,
        signal(number) {
          try {
            process.kill(-pid, number);
          } catch {
            // It has ended.
          }
        },
        resize() {},
        release: () => void stdin?.destroy(),
      };
    },
  };
}
