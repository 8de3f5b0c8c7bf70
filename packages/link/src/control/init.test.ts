// Control of services over the control channel: what initctl asks, and under which verb.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import {
  type ControlScene,
  type ControlSceneOptions,
  createControlScene,
  testOperator,
} from '@caisson/testkit/control';
import { createFakeControl } from '@caisson/testkit/fake';
import { INIT_VERBS } from '../init/index.ts';
import { createControlInitClient, createInitHandlers } from './index.ts';

const scenes: ControlScene[] = [];
after(async () => {
  for (const scene of scenes) await scene.close();
});

async function open(options: ControlSceneOptions = {}) {
  const control = createFakeControl();
  const scene = await createControlScene({ handlers: createInitHandlers(control), ...options });
  scenes.push(scene);
  return { control, client: createControlInitClient(await scene.connect()) };
}

test('asks of the supervisor what initctl asks, and gives its answers and its refusals', async () => {
  const { control, client } = await open();
  const { services } = (await client.call('ListServices')) as { services: readonly { name: string }[] };
  assert.deepEqual(
    services.map(({ name }) => name),
    ['web'],
  );
  await client.call('ServiceRestart', { name: 'web' });
  assert.deepEqual(control.asked, ['listServices', 'restartService web']);
  await assert.rejects(client.call('ServiceStart', { name: 'ghost' }), { code: 'INIT_SERVICE_UNKNOWN' });
  await assert.rejects(client.call('ServiceStart', { name: '../ghost' }), { code: /^INIT_SOCKET_/ as never });
  await client.call('SystemShutdown');
  assert.ok(control.asked.includes('shutdown'));
  client.close();
});

test('every request is under a verb: an operator who may only look changes nothing and reads no log', async () => {
  const { control, client } = await open({ verbs: ['status'] });
  const looks = new Set(['Ping', 'ListServices', 'ServiceStatus', 'SystemStatus']);
  const params: Readonly<Record<string, object>> = {
    ProcessStart: { command: '/bin/true' },
    ProcessKill: { pid: 42, signal: 9 },
  };
  for (const verb of INIT_VERBS) {
    const given = params[verb] ?? (verb.startsWith('Process') ? { pid: 42 } : { name: 'web' });
    const isBare = /^(?:Ping|List|System|ProcessList)/.test(verb);
    const asked = client.call(verb, isBare ? undefined : given);
    if (looks.has(verb)) await asked;
    else await assert.rejects(asked, { code: 'CONTROL_VERB' }, verb);
  }
  assert.deepEqual(control.asked, ['listServices', 'serviceStatus web', 'systemStatus']);
  client.close();
});

test('a production image starts no process this way, whoever asks; a development image does', async () => {
  const production = await open();
  await assert.rejects(production.client.call('ProcessStart', { command: '/bin/sh' }), { code: 'CONTROL_VERB' });
  assert.deepEqual(production.control.asked, []);
  production.client.close();
  const development = await open({ profile: 'development' });
  await development.client.call('ProcessStart', { command: '/bin/true' });
  assert.equal(development.control.asked.length, 1);
  development.client.close();
});

test('follows a log until it is told to stop', async () => {
  const { control, client } = await open();
  const stop = new AbortController();
  const lines: string[] = [];
  const following = client.follow(
    'web',
    ({ line }) => {
      lines.push(line);
      if (lines.length === 2) stop.abort('SIGINT');
    },
    stop.signal,
    () => {
      control.say('web', 'one');
      control.say('web', 'two');
    },
  );
  await following;
  assert.match(lines.join('\n'), /one\n.*two/);
  while (control.followers() > 0) await new Promise(setImmediate);
  client.close();
});

test('what nobody may do alone is done when those who are here sign it too, and is asked of nobody otherwise', async () => {
  const bob = await testOperator('bob', ['stop']);
  const control = createFakeControl();
  const scene = await createControlScene({
    handlers: createInitHandlers(control),
    threshold: 2,
    operators: [bob.entry],
  });
  scenes.push(scene);
  const session = await scene.connect();
  const alone = createControlInitClient(session);
  await assert.rejects(alone.call('SystemReboot'), { code: 'CONTROL_APPROVAL' });
  await alone.call('ServiceRestart', { name: 'web' });
  assert.deepEqual(control.asked, ['restartService web']);
  const together = createControlInitClient(session, [bob.identity]);
  await together.call('SystemReboot');
  assert.ok(control.asked.includes('reboot'));
  together.close();
});
