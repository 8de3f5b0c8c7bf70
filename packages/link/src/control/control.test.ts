// The control channel between its own two ends: what a session is, who may open one, what he may ask of it.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { toUtf8, utf8Text } from '@caisson/core/bytes';
import { type ControlSceneOptions, createControlScene, testOperator } from '@caisson/testkit/control';
import { CONTROL_REQUEST, type ControlHandlers, createControlIdentity, said, signOperatorList } from './index.ts';

const closers: (() => Promise<void>)[] = [];
after(async () => {
  for (const close of closers) await close();
});

async function scene(options: ControlSceneOptions = {}) {
  const made = await createControlScene(options);
  closers.push(() => made.close());
  return made;
}

const ran: string[] = [];
const echo: ControlHandlers = {
  64: {
    verb: 'exec',
    needsReady: true,
    answer(payload, _call, { operator }) {
      ran.push(utf8Text(payload));
      return toUtf8(`${operator.name}: ${utf8Text(payload)}`);
    },
  },
  65: {
    verb: 'copy-in',
    async stream(stream) {
      for await (const chunk of stream) await stream.write(Uint8Array.from(chunk));
      await stream.end();
    },
  },
};
const ask = async (
  session: { channel: { request(type: number, payload: Uint8Array): Promise<Uint8Array> } },
  text: string,
) => utf8Text(await said(session.channel.request(64, toUtf8(text))));

test('a session opens with a document that is bound to it, and carries requests and streams', async () => {
  const { connect, facts, documents } = await scene({ handlers: echo });
  const session = await connect();
  assert.deepEqual(session.enclave.facts, facts);
  assert.equal(session.enclave.simulated, true);
  assert.equal(documents(), 1);
  assert.equal(await ask(session, 'uname'), 'alice: uname');
  const stream = session.channel.open(65);
  const sent = Buffer.alloc(300_000, 'caisson ');
  const writing = stream.write(sent).then(() => stream.end());
  const got: Uint8Array[] = [];
  for await (const chunk of stream) got.push(Uint8Array.from(chunk));
  await writing;
  assert.deepEqual(Buffer.concat(got), sent);
  await session.close();
  assert.equal(await session.closed, undefined);
});

test('an operator learns who he is, what he may do, and whether the enclave is ready', async () => {
  const made = await scene({ verbs: ['logs', 'exec'], threshold: 1 });
  made.phase = 'services';
  const session = await made.connect();
  assert.deepEqual(await session.info(), {
    operator: 'alice',
    verbs: ['logs', 'exec'],
    threshold: 1,
    listVersion: null,
    phase: 'services',
  });
  await session.close();
});

test('proof is asked for again in the same session, with a nonce of its own', async () => {
  const { connect, documents } = await scene();
  const session = await connect();
  const first = session.enclave.attestation.nonce;
  const again = await session.prove();
  assert.equal(documents(), 2);
  assert.notDeepEqual(again.attestation.nonce, first);
  await session.close();
});

test('proof is asked for by itself while a session lasts, and ends it where it fails', async () => {
  const made = await scene();
  let at = Date.now() / 1_000;
  const session = await made.connect({ reproveMs: 30, now: () => at });
  // A document of now is too old for a clock that has run on: the next proof cannot hold.
  at += 3_600;
  assert.equal((await session.closed)?.code, 'VERIFY_AGE');
});

test('a verb that the operator does not have is refused before its handler, and the refusal is told', async () => {
  const made = await scene({ handlers: echo, verbs: ['logs'] });
  const session = await made.connect();
  ran.length = 0;
  await assert.rejects(ask(session, 'id'), { code: 'CONTROL_VERB', message: /alice must have the verb exec/ });
  assert.deepEqual(ran, []);
  assert.equal(made.events.find(({ kind }) => kind === 'denied')?.kind, 'denied');
  await session.close();
});

test('a verb that carries data waits for ready, and fails with the phase where ready does not come', async () => {
  const made = await scene({ handlers: echo, readyWaitMs: 40 });
  made.phase = 'services';
  const session = await made.connect();
  await assert.rejects(ask(session, 'early'), { code: 'CONTROL_NOT_READY', message: /got phase services/ });
  const waiting = ask(session, 'late');
  setImmediate(() => {
    made.phase = 'ready';
  });
  assert.equal(await waiting, 'alice: late');
  made.phase = 'failed';
  await assert.rejects(ask(session, 'never'), { code: 'CONTROL_NOT_READY', message: /got phase failed/ });
  await session.close();
});

test('an operator whose list runs out loses his verbs in a session that is open', async () => {
  const root = await createControlIdentity();
  let at = Math.floor(Date.now() / 1_000);
  const made = await scene({ handlers: echo, rootKey: Buffer.from(root.spki).toString('base64'), now: () => at });
  const bob = await testOperator('bob', ['exec']);
  const sign = (version: number, seconds: number) =>
    signOperatorList(
      {
        version,
        notBefore: at - 1,
        notAfter: at + seconds,
        operators: [bob.entry],
        target: { kind: 'label', label: 'hello' },
      },
      root.privateKey.toCryptoKey('Ed25519', false, ['sign']),
      root.spki,
    );
  await assert.rejects(made.connect({ identity: bob.identity }), { code: 'CONTROL_REFUSED' });
  const admin = await made.connect();
  await admin.sendOperatorList(await sign(2, 60));
  await assert.rejects(admin.sendOperatorList(await sign(2, 90)), { code: 'CONTROL_LIST_OLD' });
  const session = await made.connect({ identity: bob.identity });
  assert.equal((await session.info()).listVersion, 2);
  assert.equal(await ask(session, 'now'), 'bob: now');
  at += 61;
  await assert.rejects(ask(session, 'later'), { code: 'CONTROL_VERB' });
  await session.close();
  await admin.close();
});

test('a dangerous verb needs as many operators as the image measures, once for each act', async () => {
  const [bob, carol] = [await testOperator('bob', ['exec']), await testOperator('carol', ['logs'])];
  const made = await scene({ handlers: echo, threshold: 2, operators: [bob.entry, carol.entry] });
  const session = await made.connect();
  const act = toUtf8('rm');
  await assert.rejects(ask(session, 'rm'), { code: 'CONTROL_APPROVAL', message: /approved by 2 operators, got 0/ });
  await session.approve('exec', 64, act);
  await assert.rejects(ask(session, 'rm'), { code: 'CONTROL_APPROVAL', message: /got 1/ });
  // Twice the same operator is one; one who may not himself is none.
  await assert.rejects(session.approve('exec', 64, act, [carol.identity]), { code: 'CONTROL_VERB' });
  await session.approve('exec', 64, act, [bob.identity]);
  await assert.rejects(ask(session, 'other'), { code: 'CONTROL_APPROVAL' });
  assert.equal(await ask(session, 'rm'), 'alice: rm');
  await assert.rejects(ask(session, 'rm'), { code: 'CONTROL_APPROVAL' });
  assert.ok(await said(session.channel.request(CONTROL_REQUEST.session, new Uint8Array())), 'a look needs nobody else');
  await session.close();
});

test('a session takes no new request after its time, and lets go on what runs', async () => {
  let finish = (): void => {};
  const slow: ControlHandlers = {
    64: { verb: 'exec', answer: () => new Promise((resolve) => (finish = () => resolve(toUtf8('done')))) },
  };
  const made = await scene({ handlers: slow, maxSessionMs: 40 });
  const session = await made.connect();
  const running = session.channel.request(64, toUtf8('x'));
  let refused: unknown;
  while (refused === undefined) {
    await session.info().catch((error: unknown) => (refused = error));
  }
  assert.match((refused as { code: string }).code, /^CHANNEL_(?:CLOSING|REMOTE)$/);
  finish();
  assert.equal(utf8Text(await running), 'done');
  assert.equal(await session.closed, undefined);
});

test('a session costs nobody else: as many as are allowed are open, and the next operator is told', async () => {
  const made = await scene({ maxSessions: 2 });
  const open = [await made.connect(), await made.connect()];
  await assert.rejects(made.connect(), { code: 'CONTROL_REFUSED', message: /busy/ });
  await open[0]!.close();
  while (made.server.sessions > 1) await new Promise(setImmediate);
  const next = await made.connect();
  await next.close();
  await open[1]!.close();
});

test('closing the server ends its sessions with a word', async () => {
  const made = await createControlScene();
  const session = await made.connect();
  await session.info();
  await made.close();
  assert.equal(await session.closed, undefined);
  await assert.rejects(made.connect(), { code: 'ECONNREFUSED' });
});

test('an NSM that gives no document, or none in time, costs its session and nothing else', async () => {
  let answer: 'fails' | 'waits' | 'works' = 'fails';
  const made = await scene({
    handshakeTimeoutMs: 150,
    issue(fields, nsm) {
      if (answer === 'works') return nsm.attestation(fields);
      return answer === 'fails' ? Promise.reject(new Error('EIO')) : new Promise(() => {});
    },
  });
  for (answer of ['fails', 'waits'] as const) {
    await assert.rejects(made.connect(), { code: 'CONTROL_REFUSED', message: /nsm/ });
  }
  answer = 'works';
  await (await made.connect()).close();
});
