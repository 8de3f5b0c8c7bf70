// Runs in the enclave: the channel's contract and its goals over real AF_VSOCK, CID 1, the far end a process of its own (this file again,
// with `peer`). Reports to the parent.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { CID_ANY, toCid, toVsockPort } from '@caisson/core/address';
import { serveBench } from '@caisson/host/bench';
import { createKernelTransport, type Transport } from '@caisson/link/transport';
import { createLinuxKernel } from '@caisson/sys';
import { channelContract } from '@caisson/testkit/contract';
import { report } from '../../../test/vm/guest/report.ts';
import { type Judged, measureGoal } from '../goal.ts';
import { type ChannelReport, vmGoals } from './goal.ts';

const benchPort = toVsockPort(5010);
const contractPort = toVsockPort(5011);
const loopback = toCid(1);

if (process.argv.includes('peer')) {
  const transport = createKernelTransport(createLinuxKernel());
  await serveBench({ kind: 'vsock', cid: CID_ANY, port: benchPort }, { transport });
  process.send?.('up');
} else {
  await report(async (_kernel, transport): Promise<ChannelReport> => {
    const contract = await runContract(transport);
    const judged = await runGoals(transport);
    return { contract, judged };
  });
}

async function runContract(transport: Transport): Promise<ChannelReport['contract']> {
  const arrivals: ((socket: Socket) => void)[] = [];
  const listener = await transport.listen({ cid: CID_ANY, port: contractPort }, {}, (socket) =>
    arrivals.shift()?.(socket),
  );
  const source = {
    async connect() {
      const arrived = new Promise<Socket>((resolve) => arrivals.push(resolve));
      return { dialler: await transport.connect({ cid: loopback, port: contractPort }), listener: await arrived };
    },
    close: () => listener.close(),
  };
  const results: ChannelReport['contract'][number][] = [];
  for (const { title, run } of channelContract) {
    const startedAtMs = performance.now();
    const fault = await run(source).then(
      () => ({}),
      (error: Error) => ({ error: `${error.stack}` }),
    );
    results.push({ title, ...fault, tookMs: Math.round(performance.now() - startedAtMs) });
  }
  await source.close();
  return results;
}

async function runGoals(transport: Transport): Promise<readonly Judged[]> {
  const timing = { rounds: Number(process.env['BENCH_ROUNDS']), windowMs: Number(process.env['BENCH_WINDOW_MS']) };
  const peer = fork(process.argv[1]!, ['peer']);
  await once(peer, 'message');
  const dial = (): Promise<Socket> => transport.connect({ cid: loopback, port: benchPort });
  const judged: Judged[] = [];
  for (const goal of vmGoals) {
    judged.push(await measureGoal(dial, goal, timing));
    console.log(`bench: ${goal.name}`);
  }
  peer.kill();
  return judged;
}
