// Commands of operators over FIFOs of their own, or a terminal. PID 1 opens them in the child (no descriptor crosses fd 3), so each has a name for as
// long as the start takes:
//
//   input: a reader of ours lets a writer in before the child reads, so that it never meets an end that was not sent; then our reader goes
//   output: our reader first; nothing is read before the child has the other end, because a FIFO without writers is at its end
import { closeSync, constants, mkdirSync, openSync, rmSync, unlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import { ReadStream } from 'node:tty';
import type { CommandRequest, CommandStarter, RunningCommand } from '@caisson/link/pipeline';
import type { Kernel, ProcessIdentity } from '@caisson/sys';
import type { EndWatch } from './end-watch.ts';
import { type PlaceTerms, startFault, toOperatorRequest } from './request.ts';

export interface CommandTerms extends PlaceTerms {
  readonly watch: EndWatch;
  readonly kernel: Pick<Kernel, 'makeFifo' | 'openTerminal' | 'resizeTerminal'>;
  /** A folder of this supervisor's own; what an earlier one left there is removed. */
  readonly folder: string;
}

type Variables = Readonly<Record<string, string>>;

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;
const lastSignals = new Set([1, 9]);

export function createCommandStarter(terms: CommandTerms): CommandStarter {
  rmSync(terms.folder, { recursive: true, force: true });
  mkdirSync(terms.folder, { mode: 0o700 });
  let count = 0;
  return {
    async start(request, variables) {
      count += 1;
      // The pid keeps the name apart from those that an earlier supervisor of this boot gave.
      const name = `exec-${process.pid}-${count}`;
      try {
        return request.terminal === null
          ? await startPiped(name, request, variables, terms)
          : await startOnTerminal(name, { ...request, terminal: request.terminal }, variables, terms);
      } catch (error) {
        throw startFault(request.argv, error);
      }
    },
  };
}

async function startPiped(
  name: string,
  request: CommandRequest,
  variables: Variables,
  terms: CommandTerms,
): Promise<RunningCommand> {
  const { kernel, folder, watch } = terms;
  const paths: string[] = [];
  const descriptors: number[] = [];
  const make = (suffix: string): string => {
    const path = `${folder}/${name}.${suffix}`;
    kernel.makeFifo(path);
    paths.push(path);
    return path;
  };
  const open = (path: string, way: number): number => {
    const fd = openSync(path, way | O_NONBLOCK | O_NOFOLLOW);
    descriptors.push(fd);
    return fd;
  };
  try {
    const [out, err] = [make('out'), make('err')];
    const [outFd, errFd] = [open(out, O_RDONLY), open(err, O_RDONLY)];
    const input = request.hasInput ? make('in') : null;
    const guard = input === null ? undefined : open(input, O_RDONLY);
    const inputFd = input === null ? undefined : open(input, O_WRONLY);
    const streams = { stdin: input, stdout: out, stderr: err };
    const identity = await watch.host.start(toOperatorRequest(name, { ...request, variables }, streams, terms));
    if (guard !== undefined) closeSync(guard);
    descriptors.length = 0;
    const stdin = inputFd === undefined ? null : new Socket({ fd: inputFd, readable: false, writable: true });
    const stdout = new Socket({ fd: outFd, readable: true, writable: false });
    const stderr = new Socket({ fd: errFd, readable: true, writable: false });
    for (const stream of [stdin, stdout, stderr]) stream?.on('error', () => {});
    return {
      pid: identity.pid,
      stdin,
      stdout,
      stderr,
      ...follow(name, identity, watch, () => {
        for (const stream of [stdin, stdout, stderr]) stream?.destroy();
      }),
      resize() {},
    };
  } finally {
    for (const path of paths) unlinkSync(path);
    for (const fd of descriptors) closeSync(fd);
  }
}

async function startOnTerminal(
  name: string,
  request: CommandRequest & { readonly terminal: NonNullable<CommandRequest['terminal']> },
  variables: Variables,
  terms: CommandTerms,
): Promise<RunningCommand> {
  const { kernel, watch } = terms;
  const { fd, path } = kernel.openTerminal(request.terminal);
  let identity: ProcessIdentity;
  try {
    const streams = { stdin: path, stdout: path, stderr: path, terminal: true };
    identity = await watch.host.start(toOperatorRequest(name, { ...request, variables }, streams, terms));
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  // A terminal carries bytes both ways; Node's class for that is a socket.
  const master = new ReadStream(fd);
  // EIO, once the last process has closed it.
  master.on('error', () => {});
  let isOpen = true;
  master.once('close', () => {
    isOpen = false;
  });
  return {
    pid: identity.pid,
    stdin: request.hasInput ? master : null,
    stdout: master,
    stderr: null,
    ...follow(name, identity, watch, () => void master.destroy()),
    resize(size) {
      if (isOpen) kernel.resizeTerminal(fd, size);
    },
  };
}

function follow(name: string, identity: ProcessIdentity, watch: EndWatch, close: () => void) {
  const { host } = watch;
  const ended = watch.wait(name, identity);
  const forget = (): void => void host.forget(name, identity).catch(() => {});
  return {
    ended,
    signal(number: number): void {
      // The last ones are for everything that it has started.
      const scope = lastSignals.has(number) ? 'cgroup' : 'group';
      host.signal(name, identity, number, scope).catch(() => {});
    },
    release(): void {
      close();
      void ended.then(forget);
    },
  };
}
