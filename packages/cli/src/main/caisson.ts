// The program: takes the process apart into Surroundings and gives its exit code back.
// Called by the launchers in bin/ with the name they go by, and by the bundle's own entry.
import { parseShimWords } from '../shim-words.ts';
import type { Surroundings } from '../surroundings.ts';

/** Runs the command line of this process under `name` and sets the exit code. */
export async function main(name: string, words: readonly string[] = process.argv.slice(2)): Promise<void> {
  const stop = new AbortController();
  const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM'];
  for (const signal of signals) {
    process.on(signal, () => {
      // Asked twice: the person means now. 128 + signal number, as a shell would report it.
      if (stop.signal.aborted) process.exit(signal === 'SIGINT' ? 130 : 143);
      stop.abort(signal);
    });
  }
  // A launcher that had to change the Node version holds the other end of this channel: its death is ours.
  if (process.channel !== undefined) {
    process.once('disconnect', () => stop.abort('SIGTERM'));
    process.channel?.unref();
  }
  // A reader that has gone away (`| head`) is no fault of ours to shout about.
  process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
    if (code !== 'EPIPE') process.stderr.write(`${name}: cannot write to standard output: ${code ?? message}\n`);
    process.exit(code === 'EPIPE' ? 0 : 1);
  });
  const surroundings: Surroundings = {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    name,
    stop: stop.signal,
    onReload: (listener) => void process.on('SIGHUP', listener),
  };
  const shim = name === 'caisson' && words[0] === 'shim' ? parseShimWords(words.slice(1)) : undefined;
  if (shim !== undefined) {
    const { runShimProcess } = await import('../shim-process.ts');
    process.exitCode = await runShimProcess(...shim, surroundings);
    return;
  }
  const { run } = await import('../run.ts');
  process.exitCode = await run(words, surroundings);
}
