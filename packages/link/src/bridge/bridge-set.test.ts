// Bridges that change together: whole or not at all, and never at the cost of a living connection.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, linkSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type Address, parseAddress, toCid } from '@caisson/core/address';
import { createFabricTransport } from '../transport/index.ts';
import {
  type BridgeLimits,
  type BridgeRule,
  type BridgeSet,
  DEFAULT_BRIDGE_LIMITS,
  openBridgeSet,
  type ResolveHost,
  resolveBySystem,
} from './index.ts';

interface Place {
  readonly folder: string;
  readonly far: Address;
  open(rules: readonly BridgeRule[], resolve?: ResolveHost): Promise<BridgeSet>;
  rule(name: string, limits?: Partial<BridgeLimits>, dial?: Address): BridgeRule;
}

async function makePlace(t: TestContext): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const transport = createFabricTransport({ directory: folder, localCid: toCid(3) });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    // Callers here leave by destroying their socket, which the bridge passes on as the abort it is.
    socket.on('error', () => {});
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => void server.close());
  const far = { kind: 'tcp', host: '127.0.0.1', port: (server.address() as AddressInfo).port } as const;
  return {
    folder,
    far,
    async open(rules, resolve = resolveBySystem) {
      const set = await openBridgeSet(rules, { transport, plane: 'js', resolve });
      t.after(() => set.drain(0));
      return set;
    },
    rule: (name, limits = {}, dial = far) => ({
      name,
      listen: parseAddress(`unix:${join(folder, name)}`),
      dial,
      limits: { ...DEFAULT_BRIDGE_LIMITS, ...limits },
    }),
  };
}

async function pingOver(socket: Socket): Promise<string> {
  socket.write('ping');
  const [answer] = await once(socket, 'data');
  return String(answer);
}

async function reaches(place: Place, name: string): Promise<boolean> {
  const socket = connect(join(place.folder, name));
  try {
    await once(socket, 'connect');
    return (await pingOver(socket)) === 'ping';
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

test('leaves an unchanged rule and its connections alone, stops what is gone, opens what is new', async (t) => {
  const place = await makePlace(t);
  const set = await place.open([place.rule('a'), place.rule('b')]);
  const [a, b] = set.bridges;
  const living = connect(join(place.folder, 'b'));
  assert.equal(await pingOver(living), 'ping');

  const { opened, stopped, limited } = await set.reload([place.rule('c'), place.rule('a')]);
  assert.deepEqual([opened.length, stopped, limited], [1, [b], []]);
  assert.equal(set.bridges[1], a, 'the very same bridge');
  assert.deepEqual(
    [await reaches(place, 'a'), await reaches(place, 'b'), await reaches(place, 'c')],
    [true, false, true],
  );
  assert.equal(await pingOver(living), 'ping', 'the connection of the rule that is gone lives');
  living.destroy();
});

test('changes limits in place', async (t) => {
  const place = await makePlace(t);
  const set = await place.open([place.rule('a')]);
  const [a] = set.bridges;
  const { opened, stopped, limited } = await set.reload([place.rule('a', { maxConnections: 1 })]);
  assert.deepEqual([opened, stopped, limited], [[], [], [a]]);
  assert.equal(a?.limits.maxConnections, 1);
  assert.deepEqual((await set.reload([place.rule('a', { maxConnections: 1 })])).limited, []);
});

test('gives an address to another far side without touching connections to the old one', async (t) => {
  const place = await makePlace(t);
  const set = await place.open([place.rule('a')]);
  const living = connect(join(place.folder, 'a'));
  assert.equal(await pingOver(living), 'ping');
  await set.reload([place.rule('a', {}, parseAddress(`unix:${join(place.folder, 'nobody')}`))]);
  assert.equal(await reaches(place, 'a'), false);
  assert.equal(await pingOver(living), 'ping');
  living.destroy();
});

test('changes nothing when one of the new rules cannot be had', async (t) => {
  const place = await makePlace(t);
  const taken = createServer().listen(join(place.folder, 'taken'));
  await once(taken, 'listening');
  t.after(() => void taken.close());
  const set = await place.open([place.rule('a'), place.rule('b')]);
  const [a, b] = set.bridges;
  const wanted = [place.rule('c'), place.rule('taken'), place.rule('b', { maxConnections: 1 })];
  await assert.rejects(set.reload(wanted), { code: 'BRIDGE_LISTEN' });
  assert.deepEqual(set.bridges, [a, b]);
  assert.equal(b?.limits.maxConnections, DEFAULT_BRIDGE_LIMITS.maxConnections);
  assert.deepEqual(
    [await reaches(place, 'a'), await reaches(place, 'b'), await reaches(place, 'c')],
    [true, true, false],
  );
  assert.equal(existsSync(join(place.folder, 'c')), false);
});

test('opens again what it had to stop for a change that failed', async (t) => {
  const place = await makePlace(t);
  let asked = 0;
  const resolve = async (): Promise<string[]> => {
    asked += 1;
    return asked === 2 ? [] : ['127.0.0.1'];
  };
  const listen = parseAddress('tcp:flaky.test:0');
  const set = await place.open([{ ...place.rule('a'), listen }], resolve);
  const [before] = set.bridges;
  const elsewhere = place.rule('a', {}, parseAddress('unix:/nonexistent'));
  await assert.rejects(set.reload([{ ...elsewhere, listen }]), { code: 'BRIDGE_RESOLVE' });
  const [after] = set.bridges;
  assert.notEqual(after, before);
  assert.deepEqual(after?.rule.dial, place.far);
  assert.ok(after.address.kind === 'tcp');
  const socket = connect(after.address.port, '127.0.0.1');
  assert.equal(await pingOver(socket), 'ping');
  socket.destroy();
});

test('fails as a whole when what it had to stop cannot be opened again', async (t) => {
  const place = await makePlace(t);
  const folder = join(place.folder, 'gone');
  mkdirSync(folder);
  const listen = parseAddress(`unix:${join(folder, 'a')}`);
  const set = await place.open([{ ...place.rule('a'), listen }]);
  rmSync(folder, { recursive: true });
  const elsewhere = place.rule('a', {}, parseAddress('unix:/nonexistent'));
  await assert.rejects(set.reload([{ ...elsewhere, listen }]), { code: 'BRIDGE_LISTEN' });
  await assert.rejects(set.ended, { code: 'BRIDGE_LISTEN' });
});

test('refuses two rules with one address, with both places', async (t) => {
  const place = await makePlace(t);
  await assert.rejects(place.open([place.rule('a'), place.rule('b'), place.rule('a')]), {
    message: /^rules\[2\]\.listen unix:.*\/a is already the address of rules\[0\]$/,
  });
  assert.equal(existsSync(join(place.folder, 'a')), false);
});

test('sums up all connections since it was opened, those of rules that are gone included', async (t) => {
  const place = await makePlace(t);
  const set = await place.open([place.rule('a')]);
  assert.equal(await reaches(place, 'a'), true);
  await set.reload([place.rule('b')]);
  assert.equal(await reaches(place, 'b'), true);
  await set.reload([]);
  await set.drain(0);
  await set.ended;
  const { accepted, active, forwardBytes, backwardBytes } = set.counters();
  assert.deepEqual([accepted, active, forwardBytes, backwardBytes], [2, 0, 8, 8]);
});

test('makes one change after the other when they come together', async (t) => {
  const place = await makePlace(t);
  const set = await place.open([]);
  await Promise.all([set.reload([place.rule('a')]), set.reload([place.rule('b')]), set.reload([place.rule('c')])]);
  assert.deepEqual(
    set.bridges.map(({ rule }) => rule.name),
    ['c'],
  );
  assert.deepEqual(
    [await reaches(place, 'a'), await reaches(place, 'b'), await reaches(place, 'c')],
    [false, false, true],
  );
});

test('takes the path of a socket that a killed process left, never that of a living listener', async (t) => {
  const place = await makePlace(t);
  const path = join(place.folder, 'a');
  const left = createServer().listen(path);
  await once(left, 'listening');
  await assert.rejects(place.open([place.rule('a')]), { code: 'BRIDGE_LISTEN', message: /EADDRINUSE/ });
  // Linked to a second name, the file outlives its listener as after kill -9.
  linkSync(path, `${path}.left`);
  left.close();
  await once(left, 'close');
  renameSync(`${path}.left`, path);
  await place.open([place.rule('a')]);
  assert.equal(await reaches(place, 'a'), true);
});
