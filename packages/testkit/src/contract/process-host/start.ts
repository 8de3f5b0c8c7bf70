// Promises about starts, ends and the table.
import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import type { ProcessHostPromise } from './scene.ts';
import { clear, watch } from './scene.ts';

export const startPromises: readonly ProcessHostPromise[] = [
  {
    title: 'a started process stands in the table with its pid and start time, and has no end',
    async run({ host, waits }) {
      const identity = await host.start(waits('web'));
      ok(identity.pid > 1 && identity.startTime > 0);
      deepEqual(await host.table(), [{ name: 'web', ...identity }]);
      await clear(host, 'web', identity);
      deepEqual(await host.table(), []);
    },
  },
  {
    title: 'an end is told after the answer to its start, with code or signal, and stays in the table until forgotten',
    async run({ host, exits, waits }) {
      const seen = watch(host);
      const short = await host.start(exits('short', 42));
      equal(seen.events.length, 0, 'the event came before the answer');
      deepEqual(await seen.ended('short'), { kind: 'exit', code: 42 });
      const long = await host.start(waits('long'));
      await host.signal('long', long, 15, 'process');
      deepEqual(await seen.ended('long'), { kind: 'signal', signal: 15, dumped: false });
      const names = (await host.table()).map(({ name, end }) => [name, end?.kind]);
      deepEqual(names, [
        ['short', 'exit'],
        ['long', 'signal'],
      ]);
      await host.forget('short', short);
      await host.forget('long', long);
      deepEqual(await host.table(), []);
    },
  },
  {
    title: 'a hundred that end as soon as they start are each answered first and told once after it',
    async run({ host, exits }) {
      const told: string[] = [];
      const started = new Set<string>();
      const { promise: all, resolve } = Promise.withResolvers<void>();
      host.onEvent((event) => {
        if (event.kind !== 'ended') return;
        ok(started.has(event.entry.name), `${event.entry.name} ended before its start was answered`);
        told.push(event.entry.name);
        if (told.length === 100) resolve();
      });
      const names = Array.from({ length: 100 }, (_, index) => `short-${index}`);
      const identities = await Promise.all(
        names.map(async (name) => {
          const identity = await host.start(exits(name, 0));
          started.add(name);
          return identity;
        }),
      );
      await all;
      equal(new Set(told).size, 100);
      await Promise.all(names.map((name, index) => host.forget(name, identities[index]!)));
      deepEqual(await host.table(), []);
    },
  },
  {
    title: 'a second running process of a name is refused with EEXIST, and a new one beside an ended one is not',
    async run({ host, waits }) {
      const seen = watch(host);
      const first = await host.start(waits('web'));
      await rejects(host.start(waits('web')), { code: 'EEXIST' });
      await host.signal('web', first, 9, 'process');
      await seen.ended('web');
      const second = await host.start(waits('web'));
      equal((await host.table()).length, 2);
      await rejects(host.signal('web', first, 9, 'process'), { code: 'ESRCH' });
      await host.forget('web', first);
      deepEqual(await host.table(), [{ name: 'web', ...second }]);
      await clear(host, 'web', second);
    },
  },
  {
    title: 'a program that is not there is an ENOENT of exec that names it, and leaves nothing behind',
    async run({ host, lacks, waits }) {
      const path = lacks('web').argv[0];
      await rejects(host.start(lacks('web')), { code: 'ENOENT', syscall: 'exec', path });
      deepEqual(await host.table(), []);
      const identity = await host.start(waits('web'));
      await clear(host, 'web', identity);
    },
  },
  {
    title: 'the 257th entry is refused with ENFILE, and one that is forgotten makes room',
    async run({ host, waits }) {
      const names = Array.from({ length: 256 }, (_, index) => `many-${index}`);
      const identities = await Promise.all(names.map((name) => host.start(waits(name))));
      await rejects(host.start(waits('one-more')), { code: 'ENFILE' });
      equal((await host.table()).length, 256);
      await clear(host, names[7]!, identities[7]!);
      const last = await host.start(waits('one-more'));
      await clear(host, 'one-more', last);
      const left = names
        .map((name, index) => [name, identities[index]!] as const)
        .filter(([name]) => name !== names[7]);
      const seen = watch(host);
      await Promise.all(left.map(([name, identity]) => host.signal(name, identity, 9, 'process')));
      await Promise.all(left.map(([name]) => seen.ended(name)));
      await Promise.all(left.map(([name, identity]) => host.forget(name, identity)));
      deepEqual(await host.table(), []);
    },
  },
  {
    title: 'an entry that runs is not forgotten (EBUSY), nor one that is not there (ESRCH)',
    async run({ host, waits }) {
      const identity = await host.start(waits('web'));
      await rejects(host.forget('web', identity), { code: 'EBUSY' });
      await rejects(host.forget('other', identity), { code: 'ESRCH' });
      await clear(host, 'web', identity);
      await rejects(host.forget('web', identity), { code: 'ESRCH' });
    },
  },
];
