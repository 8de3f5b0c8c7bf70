// The ways of a boot config in what is started: in the record, in what is said, and refused before anything runs.
import { deepEqual, equal, match, rejects } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { type ImageChanges, writeMeasuredEif } from '@caisson/testkit/boot';
import { createFakeDoor, type FakeDoor } from '@caisson/testkit/fake';
import { readSpec } from '../record/index.ts';
import { createEngine, type Engine, type UpOutcome } from './index.ts';

let folder: string;
let door: FakeDoor;
let engine: Engine;
let notes: string[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-way-'));
  door = createFakeDoor();
  open();
});
afterEach(() => rmSync(folder, { recursive: true }));

function open(more: Readonly<Record<string, string>> = {}): void {
  const env = { CAISSON_STATE: join(folder, 'state'), XDG_CONFIG_HOME: join(folder, 'config'), PATH: '', ...more };
  engine = createEngine({ env, words: ['caisson'], version: '0', shims: door });
}

async function up(config: unknown, more = '', image: ImageChanges = {}): Promise<UpOutcome> {
  const measured = { components: ['ready', 'network'] as const, ...image, config: { expect: 'required' as const } };
  await writeMeasuredEif(join(folder, 'a.eif'), { ...measured, components: [...measured.components] }, 'a');
  const file = join(folder, 'caisson.yaml');
  writeFileSync(file, `name: a\nimage: { eif: a.eif }\n${more}config: ${JSON.stringify(config)}\n`);
  notes = [];
  const onEvent = (event: { kind: string; text?: string }) => void (event.kind === 'note' && notes.push(event.text!));
  const command = { verb: 'up', file, names: [], variables: {}, detach: false } as const;
  return (await engine.execute(command, { onEvent })).enclaves[0]!;
}

const endpoints = [{ host: 'sui.io', vsockPort: 8100 }];
const whole = { httpPort: 8080, httpVsockPort: 3000, httpTcpPort: 81, endpoints };

test('up opens the ways of an argonaut config by itself: in the record, said, shown, and compared', async () => {
  const outcome = await up(whole);
  equal(outcome.kind, 'ready');
  deepEqual(outcome.ingress, ['127.0.0.1:8080 -> 81']);
  deepEqual((await readSpec(engine.state, 'a'))?.endpoints, [{ host: 'sui.io', port: 443, vsockPort: 8100 }]);
  match(notes.join('\n'), /its boot config leads out to sui\.io:443 by vsock port 8100/);
  const { egress } = await engine.execute({ verb: 'inspect', name: 'a' });
  deepEqual(egress, [{ destination: 'sui.io:443', hostPort: 8100 }]);
  const { changes } = await up({ ...whole, endpoints: [{ host: 'b.io', vsockPort: 8100 }] });
  match(changes.join('\n'), /^endpoints sui\.io:443 by vsock port 8100 -> b\.io:443 by vsock port 8100$/m);
});

test('the way in of a config is loopback unless the variable says otherwise, and agrees with ingress or is refused', async () => {
  open({ ARGONAUT_HTTP_BIND_ADDR: '0.0.0.0' });
  deepEqual((await up(whole)).ingress, ['0.0.0.0:8080 -> 81']);
  const image = { ingress: [{ vsockPort: 3000, targetPort: 81 }] };
  const same = 'ingress: [{ listen: "0.0.0.0:8080", port: 81, vsock_port: 3000 }]\n';
  deepEqual((await up(whole, same, image)).ingress, ['0.0.0.0:8080 -> 81']);
  const other = await up({ ...whole, httpVsockPort: 3001 }, same, image);
  deepEqual([other.kind, other.failure?.code], ['failed', 'ENGINE_CONFIG']);
  match(other.failure?.message ?? '', /^httpPort 8080 in the boot config of enclave a must lead where ingress leads/);
});

test('endpoints that hand out credentials are refused before anything is started', async () => {
  const message = /caisson\.yaml:3:1: config: ways of the boot config: endpoints\[0\]\.host must not be an address/;
  await rejects(up({ endpoints: [{ host: '169.254.169.254', vsockPort: 1 }] }), { code: 'COMPOSE_FAULTS', message });
  deepEqual(door.done, []);
});

test('what an application without the network service calls endpoints opens nothing', async () => {
  const outcome = await up({ endpoints: [{ url: 'https://a.io' }] }, '', { components: ['ready'] });
  deepEqual([outcome.kind, outcome.ingress, (await readSpec(engine.state, 'a'))?.endpoints], ['ready', [], undefined]);
});
