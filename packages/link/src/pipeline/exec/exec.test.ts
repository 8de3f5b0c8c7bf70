// Commands over a stream: bytes as they are, both ways, with the slower end's pace, and every way to end.
import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { constants } from 'node:os';
import { Readable, Writable } from 'node:stream';
import { test } from 'node:test';
import type { MeasuredOperator } from '@caisson/core/measured';
import { laneBoundMs, laneFigure } from '@caisson/testkit/contract';
import { createStreamPair } from '@caisson/testkit/fake';
import { type AttachOptions, attachCommand } from './client.ts';
import type { CommandEnd, RunningCommand } from './process.ts';
import { type CommandRequest, encodeCommand, parseCommand, verifyCommand } from './request.ts';
import { carryCommand } from './server.ts';
import { matchesTemplate } from './template.ts';

const sh = (script: string): string[] => ['/bin/sh', '-c', script];

function startHere(argv: readonly string[]): RunningCommand {
  const child = spawn(argv[0]!, argv.slice(1), { detached: true, stdio: 'pipe' });
  const ended = once(child, 'exit').then(
    ([code, signal]): CommandEnd =>
      signal === null
        ? { kind: 'exit', code }
        : { kind: 'signal', signal: constants.signals[signal as NodeJS.Signals] },
  );
  return {
    pid: child.pid!,
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    signal(number) {
      try {
        process.kill(-child.pid!, number);
      } catch {
        // It has ended.
      }
    },
    resize() {},
    release: () => child.stdin.destroy(),
  };
}

class Sink extends Writable {
  readonly chunks: Buffer[] = [];
  override _write(chunk: Buffer, _: unknown, done: () => void): void {
    this.chunks.push(chunk);
    done();
  }
  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }
}

function run(argv: readonly string[], options: Partial<AttachOptions> & { readonly timeoutMs?: number } = {}) {
  const pair = createStreamPair();
  const gone = new AbortController();
  const [stdout, stderr] = [new Sink(), new Sink()];
  const command = startHere(argv);
  const carried = carryCommand(command, pair.far, { timeoutMs: options.timeoutMs ?? null, gone: gone.signal });
  const attached = attachCommand(pair.near, { stdin: null, stdout, stderr, ...options });
  return { ...attached, carried, command, gone, pair, stdout, stderr };
}

test("output and errors arrive byte for byte and apart, and the exit code is the command's own", async () => {
  const one = run(sh('head -c 3000000 /dev/zero | tr "\\0" "\\377"; printf "\\0\\r\\nend"; echo no >&2; exit 7'));
  deepEqual(await one.ended, { kind: 'exit', code: 7 });
  equal(one.stdout.bytes.length, 3_000_006);
  equal(
    one.stdout.bytes.subarray(0, 3_000_000).every((byte) => byte === 255),
    true,
  );
  equal(one.stdout.bytes.subarray(3_000_000).toString(), '\0\r\nend');
  equal(one.stderr.bytes.toString(), 'no\n');
  await one.carried;
});

test('input arrives byte for byte with its end, and a command that does not read holds nothing up but its own input', async () => {
  const bytes = randomBytes(5_000_000);
  const one = run(['sha256sum'], { stdin: Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]) });
  await one.ended;
  equal(one.stdout.bytes.toString().slice(0, 64), createHash('sha256').update(bytes).digest('hex'));

  let left = 1_000_000;
  const full = Promise.withResolvers<void>();
  const endless = new Readable({
    read() {
      left -= 65_536;
      // The window is used up.
      if (left < 740_000) full.resolve();
      this.push(Buffer.alloc(65_536));
    },
  });
  const deaf = run(['sleep', '100'], { stdin: endless });
  await full.promise;
  deaf.signal(2);
  deepEqual(await deaf.ended, { kind: 'signal', signal: 2 });
});

test('a reader that is slow makes the command wait, and nothing is kept for it', async () => {
  const slow = new Writable({ highWaterMark: 1, write() {} });
  const one = run(sh('yes | head -c 50000000'), { stdout: slow });
  let isOver = false;
  void one.command.ended.then(() => (isOver = true));
  await new Promise((resolve) => setTimeout(resolve, 200));
  equal(isOver, false);
  slow.destroy();
  deepEqual(await one.ended, { kind: 'exit', code: 0 });
});

test('an operator who is gone ends his command by SIGHUP', async () => {
  const one = run(['sleep', '100']);
  one.gone.abort();
  await one.carried;
  deepEqual(await one.command.ended, { kind: 'signal', signal: 1 });
});

test('a connection that is lost ends the command, and the operator is not told an exit code', async () => {
  const one = run(['sleep', '100']);
  one.pair.cut(Object.assign(new Error('lost'), { code: 'CHANNEL_LOST' }));
  await rejects(one.ended, { code: 'CHANNEL_LOST' });
  await one.carried;
});

test('a timeout ends the command by SIGTERM', async () => {
  const one = run(['sleep', '100'], { timeoutMs: 20 });
  deepEqual(await one.ended, { kind: 'signal', signal: 15 });
});

test('what a command leaves running does not hold up its end', async () => {
  const one = run(sh('sleep 5 & echo started; exit 3'));
  const before = performance.now();
  deepEqual(await one.ended, { kind: 'exit', code: 3 });
  equal(one.stdout.bytes.toString(), 'started\n');
  ok(performance.now() - before < laneBoundMs(4_000));
  one.command.signal(9);
});

test('a command line survives the wall, and none comes in that no process could have', () => {
  const request: CommandRequest = {
    argv: ['/bin/echo', 'a b', ''],
    env: ['A=b'],
    cwd: '/tmp',
    user: 'web',
    timeoutMs: 5,
    terminal: { columns: 80, rows: 24 },
    hasInput: true,
  };
  deepEqual(parseCommand(encodeCommand(request)), request);
  for (const wrong of [
    { argv: [] },
    { argv: [''] },
    { argv: ['a\0b'] },
    { cwd: 'tmp' },
    { argv: Array(1025).fill('a') },
  ]) {
    throws(() => parseCommand(encodeCommand({ ...request, ...wrong })), { code: 'PIPELINE_REQUEST' });
  }
});

const operator: MeasuredOperator = {
  name: 'ada',
  spkiSha256: '0'.repeat(64),
  verbs: ['exec'],
  execTemplates: [
    ['/bin/df', '-h'],
    ['/bin/kill', '-{int}', '{int}'],
    ['/bin/show', '{word}'],
  ],
};
const plainRequest: CommandRequest = {
  argv: ['/bin/df', '-h'],
  env: [],
  cwd: null,
  user: null,
  timeoutMs: null,
  terminal: null,
  hasInput: false,
};
const production = { profile: 'production', operator, environment: ['TZ', 'LD_PRELOAD'] } as const;

test('a production image runs what a template names word by word, with variables it gives out, as itself', () => {
  deepEqual(verifyCommand({ ...plainRequest, env: ['TZ=UTC=1'] }, production), { TZ: 'UTC=1' });
  verifyCommand({ ...plainRequest, argv: ['/bin/show', 'web.1'] }, production);
  for (const argv of [
    ['/bin/show', '-x'],
    ['/bin/show', 'a/b'],
    ['/bin/show', ''],
    ['/bin/show', 'a\n'],
    ['/bin/show'],
  ]) {
    throws(() => verifyCommand({ ...plainRequest, argv }, production), { code: 'PIPELINE_POLICY' });
  }
  for (const wrong of [{ cwd: '/' }, { user: 'root' }]) {
    throws(() => verifyCommand({ ...plainRequest, ...wrong }, production), { code: 'PIPELINE_POLICY' });
  }
  for (const line of ['LD_PRELOAD=/x', 'PATH=/x', 'OTHER=1', 'TZ', '=x', 'tz=1', 'TZ\n=1']) {
    throws(() => verifyCommand({ ...plainRequest, env: [line] }, production), { code: 'PIPELINE_ENVIRONMENT' }, line);
  }
  throws(() => verifyCommand({ ...plainRequest, env: ['NODE_OPTIONS=x'] }, { ...production, profile: 'development' }), {
    code: 'PIPELINE_ENVIRONMENT',
  });
});

test(`T-P6: ${laneFigure('T-P6')} tricks with a command line that is allowed run nothing`, () => {
  const tricks: ((words: string[], round: number) => string[])[] = [
    (words) => [...words, '--'],
    (words) => ['env', 'A=b', ...words],
    (words) => ['/usr/bin/env', ...words],
    (words) => ['/bin/sh', '-c', words.join(' ')],
    (words) => [`${words.join(' ')}`],
    (words) => [words[0]!.slice(1), ...words.slice(1)],
    (words) => [`.${words[0]}`, ...words.slice(1)],
    (words) => [`/bin/../bin/df`, ...words.slice(1)],
    (words) => ['df', ...words.slice(1)],
    (words) => [`${words[0]} `, ...words.slice(1)],
    (words) => [words[0]!, '-h;id'],
    (words) => [words[0]!, '-h', ''],
    (words) => [words[0]!],
    (words) => [...words].reverse(),
    (words, round) => [words[0]!, `-h${String.fromCharCode(round % 128)}`],
    (words, round) => [`${words[0]}${String.fromCharCode(round % 128)}`, '-h'],
    (words, round) => [words[0]!, `${String.fromCharCode(round % 128)}-h`],
    (words) => [words[0]!, '-H'],
    (words) => [words[0]!, '$(id)'],
    (words) => [words[0]!, '{word}'],
  ];
  for (let round = 0; round < laneFigure('T-P6'); round += 1) {
    const argv = tricks[round % tricks.length]!(['/bin/df', '-h'], round);
    throws(
      () => verifyCommand({ ...plainRequest, argv }, production),
      { code: 'PIPELINE_POLICY' },
      JSON.stringify(argv),
    );
  }
  equal(matchesTemplate([], []), false);
  equal(matchesTemplate(['df'], ['df']), false);
});
