// A crowd of callers as a process of its own, so that its work is not taken out of what it disturbs: each dials, is refused, and
// comes again after a pause. Says by a newline that all have come once. A byte on
// its standard input ends the record, the end of it the crowd; then it prints what each recorded refusal took. Words: port, callers, pause in ms.
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

const [port = 0, callers = 0, againMs = 0] = process.argv.slice(2).map(Number);
const tookMs: number[] = [];
const others: string[] = [];
let recording = true;
const over = new AbortController();
process.stdin.on('data', () => {
  recording = false;
});
process.stdin.on('end', () => over.abort());

await Promise.all(
  Array.from({ length: callers }, async (_, index) => {
    // Spread, so that the crowd is a stream and not a volley.
    await pause((againMs * index) / callers);
    while (!over.signal.aborted) {
      const startedMs = performance.now();
      const outcome = await call();
      if (outcome !== 'ECONNRESET') others.push(outcome);
      else if (recording) tookMs.push(performance.now() - startedMs);
      // Everybody has been here once: the start of this process is over.
      if (tookMs.length + others.length === callers) process.stdout.write('\n');
      await pause(againMs, undefined, { signal: over.signal }).catch(() => {});
    }
  }),
);
process.stdout.write(JSON.stringify({ tookMs, others }));

function call(): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true });
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    socket.on('end', () => {
      socket.destroy();
      resolve('end');
    });
    socket.resume();
  });
}
