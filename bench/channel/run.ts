// npm run bench:channel. The channel beside the naive way over a unix socket, with and without a cost for each write, and the survey that
// `caisson bench channel` prints. Writes bench/results/channel-DATE.md.
//   --rounds N (7)  --window MS (400)  --out FILE  --plain (nothing written)
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { cpus, loadavg, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { parseArgs } from 'node:util';
import { type Address, parseAddress } from '@caisson/core/address';
import { createCostly, dialAddress, renderSurvey, runNull, survey } from '@caisson/host/bench';
import { openTransportFromEnvironment } from '@caisson/link/transport';
import { createLinuxKernel } from '@caisson/sys';
import { type Goal, goalHead, type Judged, measureGoal, median, renderGoal } from './goal.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    window: { type: 'string', default: '400' },
    out: { type: 'string' },
    plain: { type: 'boolean', default: false },
  },
});
const timing = { rounds: Number(values.rounds), windowMs: Number(values.window) };
const writeCostUs = 100;
const free: readonly Goal[] = [
  { name: '256 B', messageBytes: 256, depths: [256, 1_024, 3_000], atLeast: 80 },
  { name: '8 KiB', messageBytes: 8_192, depths: [64, 128], atLeast: 6 },
];
const costly: readonly Goal[] = [
  { name: `8 KiB, ${writeCostUs} us a write`, messageBytes: 8_192, depths: [64, 128], atLeast: 25 },
];

const folder = mkdtempSync(join(tmpdir(), 'csnb-'));
const transport = openTransportFromEnvironment(process.env, createLinuxKernel());
const loadBefore = loadavg()[0]!;
try {
  const judged: Judged[] = [];
  const lines = await withPeer(0, async (dial) => {
    for (const goal of free) judged.push(await measureGoal(dial, goal, timing));
    const seen = await survey(dial, { windowMs: timing.windowMs, onStep: step });
    const { firstReplyUs, dialToReplyUs, atRate } = seen;
    const extra = [
      `First reply on an open connection: ${Math.round(firstReplyUs.channel)} us, the naive way ${Math.round(firstReplyUs.naive)} us; from the dial on ${Math.round(dialToReplyUs.channel)} us and ${Math.round(dialToReplyUs.naive)} us.`,
      `At ${atRate.perSecond} requests a second: p99 ${Math.round(atRate.channelP99Us)} us, the naive way ${Math.round(atRate.naiveP99Us)} us.`,
    ];
    return { extra, survey: renderSurvey(seen) };
  });
  await withPeer(writeCostUs, async (dial) => {
    for (const goal of costly) {
      judged.push(await measureGoal(async () => createCostly((await dial()) as Socket, writeCostUs), goal, timing));
    }
  });
  const nulls = [];
  for (const messageBytes of [256, 8_192])
    nulls.push({ messageBytes, sample: await runNull(messageBytes, timing.windowMs) });
  const text = `# Channel bench, unix socket

${new Date().toISOString().slice(0, 16)}Z, commit ${execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()}, ${cpus().length} x ${cpus()[0]?.model}, Linux ${release()}, Node ${process.version},
load ${loadBefore.toFixed(1)} before and ${loadavg()[0]!.toFixed(1)} after; ${timing.rounds} rounds, windows of ${timing.windowMs} ms, CRC off. Two processes; the naive way
(header in a write, body in a write, wait) before and after the channel within each round. How to read it: [docs/vsock-speed.md](../../docs/vsock-speed.md).

## Goals: ${judged.filter(({ goal, ratios }) => median(ratios) >= goal.atLeast).length} of ${judged.length} met

${[goalHead, goalHead.map(() => '---'), ...judged.map(renderGoal)].map((row) => `| ${row.join(' | ')} |`).join('\n')}

${lines.extra.join('\n')}

Without any transport, one side alone (\`null:\`): ${nulls.map(({ messageBytes, sample }) => `${messageBytes} B ${Math.round(sample.perSecond)} a second`).join(', ')}.

## Survey

\`\`\`text
${lines.survey.join('\n')}
\`\`\`
`;
  console.log(text);
  const date = new Date().toISOString().slice(0, 10);
  if (!values.plain) writeFileSync(values.out ?? join(import.meta.dirname, `../results/channel-${date}.md`), text);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function withPeer<Result>(
  costUs: number,
  run: (dial: () => Promise<Duplex>) => Promise<Result>,
): Promise<Result> {
  const address = `unix:${join(folder, `peer-${costUs}`)}`;
  const peer = fork(join(import.meta.dirname, 'peer.ts'), [address, String(costUs)]);
  try {
    await once(peer, 'message');
    const target: Address = parseAddress(address);
    return await run(() => dialAddress(target, transport));
  } finally {
    const gone = once(peer, 'exit');
    peer.disconnect();
    await gone;
  }
}

function step(name: string): void {
  process.stderr.write(`bench: ${name}\n`);
}
