// npm run bench:channel:vm. The channel beside the naive way over real AF_VSOCK, in an enclave on the rig's emulated machine: only ratios
// mean anything there. Writes bench/results/channel-vm-DATE.md.
//   --rounds N (5)  --window MS (500)  --out FILE
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { loadavg, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hearReport } from '../../../test/vm/hear.ts';
import { buildImage } from '../../../test/vm/image.ts';
import { bootEnclave, skip } from '../../../test/vm/rig.ts';
import { goalHead, median, renderGoal } from '../goal.ts';
import type { ChannelReport } from './goal.ts';

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    window: { type: 'string', default: '500' },
    out: { type: 'string' },
  },
});
if (skip) {
  console.error(`bench: cannot run: ${skip}`);
  process.exit(1);
}
const image = await buildImage({
  guest: 'bench/channel/vm/guest.ts',
  env: { BENCH_ROUNDS: values.rounds, BENCH_WINDOW_MS: values.window },
});
try {
  const enclave = await bootEnclave({ image: image.file, cid: 31 });
  try {
    const { contract, judged } = await hearReport<ChannelReport>(enclave, 600_000);
    const faults = contract.filter(({ error }) => error !== undefined);
    const met = judged.filter(({ goal, ratios }) => median(ratios) >= goal.atLeast).length;
    const text = `# Channel bench over real AF_VSOCK, in an emulated enclave

${new Date().toISOString().slice(0, 16)}Z, commit ${execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()}, host Linux ${release()}, load ${loadavg()[0]!.toFixed(1)};
${values.rounds} rounds, windows of ${values.window} ms, CRC off, two processes in the guest, CID 1. How to read it: [docs/vsock-speed.md](../../docs/vsock-speed.md).

The contract of the channel: ${contract.length - faults.length} of ${contract.length} promises held.

## Goals: ${met} of ${judged.length} met

${[goalHead, goalHead.map(() => '---'), ...judged.map(renderGoal)].map((row) => `| ${row.join(' | ')} |`).join('\n')}
`;
    console.log(text);
    for (const { title, error } of faults) console.error(`${title}: ${error}`);
    const date = new Date().toISOString().slice(0, 10);
    writeFileSync(values.out ?? join(import.meta.dirname, `../../results/channel-vm-${date}.md`), text);
    process.exitCode = met === judged.length && faults.length === 0 ? 0 : 1;
  } finally {
    await enclave.close();
  }
} finally {
  image.remove();
}
