// The real PID 1, in a namespace of its own, keeps the contract of every ProcessHost.
import { open } from 'node:fs/promises';
import { describeProcessHostContract } from '@caisson/testkit/contract';
import { arrangeSupervised, heldStreams, pid1Skip, probeRequest } from '@caisson/testkit/pid1';

describeProcessHostContract('real', pid1Skip, async (context) => {
  const scene = await arrangeSupervised(context);
  const host = await scene.nextHost();
  return {
    host,
    exits: (name, code) => probeRequest(name, ['exit', String(code)]),
    waits: (name) => probeRequest(name, ['wait']),
    ignores: (name) => probeRequest(name, ['ignore'], { streams: heldStreams(name) }),
    // It says a word once it ignores them all.
    async settled(name) {
      const file = await open(scene.inside(`/run/caisson/log/${name}.out`), 'r');
      await file.read(Buffer.alloc(8));
      await file.close();
    },
    lacks: (name) => ({ ...probeRequest(name, []), argv: ['/bin/nothing'] }),
    tell: (kind) => process.kill(scene.run.pid(), kind === 'terminate' ? 'SIGTERM' : 'SIGHUP'),
    async takeOver() {
      process.kill(scene.supervisorPid()!, 'SIGKILL');
      await host.closed;
      return await scene.nextHost();
    },
  };
});
