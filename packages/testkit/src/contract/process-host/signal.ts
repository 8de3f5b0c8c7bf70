// Promises about signals, and about who hears of what.
import { deepEqual, equal, rejects } from 'node:assert/strict';
import type { ProcessHostPromise } from './scene.ts';
import { clear, watch } from './scene.ts';

export const signalPromises: readonly ProcessHostPromise[] = [
  {
    title: 'a signal goes to that very process: another start time, name or pid is ESRCH, and so is one that has ended',
    async run({ host, waits }) {
      const seen = watch(host);
      const identity = await host.start(waits('web'));
      const others = [
        ['web', { ...identity, startTime: identity.startTime + 1 }],
        ['web', { ...identity, pid: identity.pid + 1 }],
        ['bew', identity],
      ] as const;
      for (const scope of ['process', 'group', 'cgroup'] as const) {
        for (const [name, other] of others) await rejects(host.signal(name, other, 9, scope), { code: 'ESRCH' });
      }
      await host.signal('web', identity, 0, 'process');
      equal(seen.events.length, 0);
      await host.signal('web', identity, 9, 'process');
      await seen.ended('web');
      for (const scope of ['process', 'group'] as const) {
        await rejects(host.signal('web', identity, 9, scope), { code: 'ESRCH' });
      }
      await host.forget('web', identity);
    },
  },
  {
    title: 'one that ignores every signal runs on until SIGKILL, by each scope',
    async run({ host, ignores, settled }) {
      for (const scope of ['process', 'group', 'cgroup'] as const) {
        const seen = watch(host);
        const name = `deaf-${scope}`;
        const identity = await host.start(ignores(name));
        await settled(name);
        await host.signal(name, identity, 15, scope);
        equal((await host.table())[0]?.end, undefined);
        await host.signal(name, identity, 9, scope);
        deepEqual(await seen.ended(name), { kind: 'signal', signal: 9, dumped: false });
        await host.forget(name, identity);
      }
    },
  },
  {
    title: 'a supervisor that takes over finds in the table what runs and what has ended, and hears of later ends',
    async run({ host, waits, exits, takeOver }) {
      const before = watch(host);
      const running = await host.start(waits('running'));
      const over = await host.start(exits('over', 3));
      await before.ended('over');
      const next = await takeOver();
      const seen = watch(next);
      deepEqual(await next.table(), [
        { name: 'running', ...running },
        { name: 'over', ...over, end: { kind: 'exit', code: 3 } },
      ]);
      await rejects(host.table(), { code: 'EPIPE' });
      await rejects(next.start(waits('running')), { code: 'EEXIST' });
      await next.signal('running', running, 9, 'process');
      await seen.ended('running');
      await next.forget('running', running);
      await next.forget('over', over);
      equal(seen.events.length, 1);
    },
  },
  {
    title: 'SIGHUP is a reload, SIGTERM a request to end',
    async run({ host, tell, waits }) {
      const seen = watch(host);
      tell('reload');
      await seen.next('reload');
      tell('terminate');
      await seen.next('terminate');
      const identity = await host.start(waits('still'));
      await clear(host, 'still', identity);
    },
  },
];
