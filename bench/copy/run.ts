// How fast files go into an enclave: one of 1 GiB and 20,000 small ones, over the fabric, in a real session (TLS, proof, channel), both ends on the same
// tmpfs; beside scp on loopback with the same cipher and a Node TLS pipe that hashes and writes on both ends as the floor. Two
// processes each, because that is what two machines are. `--bytes`, `--files` make it smaller.
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runFloor } from './floor.ts';
import { runOurs } from './ours.ts';
import { startSshd } from './scp.ts';

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: String(1 << 30) },
    files: { type: 'string', default: '20000' },
    rounds: { type: 'string', default: '3' },
  },
});
const [bytes, files, rounds] = [Number(values.bytes), Number(values.files), Number(values.rounds)];
const folder = mkdtempSync('/dev/shm/caisson-copy-');
const children: ChildProcess[] = [];

async function startPeer(kind: 'ours' | 'floor'): Promise<unknown> {
  const child = fork(join(import.meta.dirname, 'peer.ts'), [kind, folder], {
    execArgv: ['--conditions=caisson-source'],
  });
  children.push(child);
  const [terms] = await once(child, 'message');
  return terms;
}

interface Measured {
  readonly seconds: number;
  /** Of both ends: what others do on the machine at the same time is not in it. */
  readonly processorSeconds: number;
}

/** What a process has used of the processors, seconds: utime and stime, the 14th and 15th field, in hundredths (proc_pid_stat(5)). */
function usedBy(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const words = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(words[11]) + Number(words[12])) / 100;
}

/**
 * The best round of each, in turn: what the others are slower by is the machine's other work, which would be taken for a difference between two
 * that are measured one after the other.
 */
async function best(
  ...runs: readonly (readonly [run: () => Promise<void>, peer: ChildProcess | undefined])[]
): Promise<Measured[]> {
  const all: Measured[] = runs.map(() => ({
    seconds: Number.POSITIVE_INFINITY,
    processorSeconds: Number.POSITIVE_INFINITY,
  }));
  for (let round = 0; round < rounds; round += 1) {
    for (const [index, [run, peer]] of runs.entries()) {
      rmSync(join(folder, 'there'), { recursive: true, force: true });
      mkdirSync(join(folder, 'there'));
      const [began, own, far] = [performance.now(), process.cpuUsage(), usedBy(peer?.pid)];
      await run();
      const { user, system } = process.cpuUsage(own);
      const seconds = Math.min(all[index]!.seconds, (performance.now() - began) / 1_000);
      const used = (user + system) / 1e6 + usedBy(peer?.pid) - far;
      all[index] = { seconds, processorSeconds: Math.min(all[index]!.processorSeconds, used) };
    }
  }
  return all;
}

const none: Measured = { seconds: Number.POSITIVE_INFINITY, processorSeconds: Number.POSITIVE_INFINITY };
const print = (text: string): void => void process.stdout.write(`${text}\n`);

try {
  const [big, tree] = [join(folder, 'big'), join(folder, 'tree')];
  const piece = randomBytes(1 << 24);
  for (let at = 0; at < bytes; at += piece.length) {
    writeFileSync(big, piece.subarray(0, Math.min(piece.length, bytes - at)), { flag: 'a' });
  }
  for (let index = 0; index < files; index += 1) {
    if (index % 100 === 0) mkdirSync(join(tree, String(index / 100)), { recursive: true });
    writeFileSync(join(tree, `${Math.floor(index / 100)}/f${index}`), piece.subarray(index, index + 1_000));
  }
  const mebibytes = bytes / 2 ** 20;
  print(`one file of ${mebibytes} MiB; ${files} files of 1,000 bytes; best of ${rounds}; tmpfs\n`);
  const floorTerms = (await startPeer('floor')) as Parameters<typeof runFloor>[0];
  const ours = await runOurs((await startPeer('ours')) as Parameters<typeof runOurs>[0], folder);
  const [floorChild, ourChild] = children;
  const [floor, ourBig] = await best([() => runFloor(floorTerms, big), floorChild], [() => ours.big(big), ourChild]);
  const speed = ({ seconds, processorSeconds }: Measured): string =>
    `${(mebibytes / seconds).toFixed(0)} MiB/s, ${processorSeconds.toFixed(2)} s of the processors`;
  print(`floor, big file          ${speed(floor!)}`);
  print(`caisson cp, big file     ${speed(ourBig!)}`);
  const [{ seconds: ourTree } = none] = await best([() => ours.tree(tree), ourChild]);
  print(`caisson cp -r            ${(files / ourTree).toFixed(0)} files/s`);
  await ours.close();
  const scp = await startSshd(folder);
  if (typeof scp === 'string') print(`scp left out: ${scp}`);
  else {
    const [{ seconds: scpBig } = none] = await best([() => scp.copy(big, false), undefined]);
    print(`scp, big file            ${(mebibytes / scpBig).toFixed(0)} MiB/s`);
    const [{ seconds: scpTree } = none] = await best([() => scp.copy(tree, true), undefined]);
    print(`scp -r                   ${(files / scpTree).toFixed(0)} files/s`);
    scp.close();
    print(`\nsmall files: ${(scpTree / ourTree).toFixed(2)} x scp -r (goal 2)`);
  }
  const processors = floor!.processorSeconds / ourBig!.processorSeconds;
  print(
    `big file: ${(floor!.seconds / ourBig!.seconds).toFixed(2)} x the floor (goal 0.8); by the processors ${processors.toFixed(2)}`,
  );
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}
