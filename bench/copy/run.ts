// How fast files go into an enclave: one of 1 GiB and 20,000 small ones, over the fabric, in a real session (TLS, proof, channel), both ends on the same
// tmpfs; beside scp on loopback with the same cipher and a Node TLS pipe that hashes and writes on both ends as the floor. Two
// processes each, because that is what two machines are. `--bytes`, `--files` make it smaller.
import { type ChildProcess, fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

/** The best of the rounds: what the others are slower by is the machine's other work. */
async function best(run: () => Promise<void>): Promise<number> {
  let seconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    rmSync(join(folder, 'there'), { recursive: true, force: true });
    mkdirSync(join(folder, 'there'));
    const before = performance.now();
    await run();
    seconds = Math.min(seconds, (performance.now() - before) / 1_000);
  }
  return seconds;
}

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
  const floor = await best(() => runFloor(floorTerms, big));
  print(`floor, big file          ${(mebibytes / floor).toFixed(0)} MiB/s`);
  const ours = await runOurs((await startPeer('ours')) as Parameters<typeof runOurs>[0], folder);
  const ourBig = await best(() => ours.big(big));
  print(`caisson cp, big file     ${(mebibytes / ourBig).toFixed(0)} MiB/s`);
  const ourTree = await best(() => ours.tree(tree));
  print(`caisson cp -r            ${(files / ourTree).toFixed(0)} files/s`);
  await ours.close();
  const scp = await startSshd(folder);
  if (typeof scp === 'string') print(`scp left out: ${scp}`);
  else {
    const scpBig = await best(() => scp.copy(big, false));
    print(`scp, big file            ${(mebibytes / scpBig).toFixed(0)} MiB/s`);
    const scpTree = await best(() => scp.copy(tree, true));
    print(`scp -r                   ${(files / scpTree).toFixed(0)} files/s`);
    scp.close();
    print(`\nsmall files: ${(scpTree / ourTree).toFixed(2)} x scp -r (goal 2)`);
  }
  print(`big file: ${(floor / ourBig).toFixed(2)} x the floor (goal 0.8)`);
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}
