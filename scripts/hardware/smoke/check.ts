// What is checked, one line each: argonaut's five, asked of the enclave over its own inbound bridge, and ours. Each says what it has seen.
import { equal, match, ok } from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Caisson } from '../caisson.ts';
import { ask, type HostSide } from '../host-side.ts';
import type { BuiltImage } from '../image.ts';
import type { Launched } from '../launch.ts';
import type { SmokeSettings } from './settings.ts';

export interface Scene {
  readonly settings: SmokeSettings;
  readonly caisson: Caisson;
  readonly folder: string;
  readonly image: BuiltImage;
  readonly enclave: Launched;
  readonly host: HostSide;
  readonly stop: AbortSignal;
}

export interface Check {
  readonly name: string;
  /** Whose list it is from. */
  readonly list: 'argonaut' | 'caisson';
  /** Resolves with what was seen; rejects when it does not hold. */
  run(scene: Scene): Promise<string>;
  /** Why it cannot be checked here. */
  whyNot?(scene: Scene): string | undefined;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

export const checks: readonly Check[] = [
  {
    name: 'config recv',
    list: 'argonaut',
    async run({ settings, host, stop }) {
      const got = await ask(settings.httpPort, '/config', stop);
      equal(got.toString(), host.config, 'the config inside differs from the file');
      return `${got.length} bytes over VSOCK port 7777, byte for byte`;
    },
  },
  {
    name: 'nsm',
    list: 'argonaut',
    async run(scene) {
      const { random, document } = await askNsm(scene, { publicKey: '01', nonce: '02', userData: '03' });
      return `RND has ${random.length / 2} bytes; ATT took publicKey, nonce and userData and has ${document.length / 2} bytes`;
    },
  },
  {
    name: 'hosts block',
    list: 'argonaut',
    async run({ settings: { host, localIp, httpPort }, stop }) {
      const hosts = (await ask(httpPort, '/hosts', stop)).toString();
      const block = `# argonaut begin\n${localIp}   ${host}\n# argonaut end\n`;
      ok(hosts.includes(`\n\n${block}`), `the hosts file inside is ${JSON.stringify(hosts)}`);
      return `${localIp} ${host}`;
    },
  },
  {
    name: 'outbound TCP',
    list: 'argonaut',
    async run({ settings, stop }) {
      const { localIp, localPort, outboundVsockPort, host, hostEchoPort, httpPort } = settings;
      const text = `out-${hex(randomBytes(8))}`;
      equal((await ask(httpPort, `/outbound?text=${text}`, stop)).toString(), `echo ${text}`);
      return `${localIp}:${localPort} -> VSOCK 3:${outboundVsockPort} -> TCP ${host}:${hostEchoPort} and back`;
    },
  },
  {
    name: 'inbound TCP',
    list: 'argonaut',
    async run({ settings: { httpPort, httpVsockPort }, enclave, stop }) {
      for (let round = 0; round < 10; round += 1) await ask(httpPort, '/config', stop);
      return `127.0.0.1:${httpPort} -> VSOCK ${enclave.cid}:${httpVsockPort} -> TCP 127.0.0.1:${httpVsockPort}, 10 requests`;
    },
  },
  {
    name: 'verified',
    list: 'caisson',
    whyNot: whyUnsigned,
    async run(scene) {
      const given = { publicKey: hex(randomBytes(32)), nonce: hex(randomBytes(32)), userData: hex(randomBytes(32)) };
      const { document } = await askNsm(scene, given);
      const file = join(scene.folder, 'document.cbor');
      writeFileSync(file, Buffer.from(document, 'hex'));
      const asked = ['--nonce', given.nonce, '--user-data', given.userData, '--public-key', given.publicKey];
      const policy = ['--policy', writePolicy(scene)];
      const said = await scene.caisson.run(['attest', 'verify', file, ...policy, ...asked]);
      match(said, /^VERIFIED under the (AWS|CUSTOM) root$/m);
      return rootOf(scene) === null
        ? 'under the AWS root, with PCR0, PCR1 and PCR2 of the image and a nonce of this run'
        : 'under a SIMULATED root, which proves nothing about hardware; PCR0, PCR1, PCR2 and nonce hold';
    },
  },
  {
    name: 'exec',
    list: 'caisson',
    whyNot: whyUnsigned,
    async run(scene) {
      const word = hex(randomBytes(8));
      const flags = ['--operator', 'smoke', '--policy', writePolicy(scene)];
      const command = ['/usr/bin/node', '/app/say.mjs', word];
      equal(await scene.caisson.run(['exec', ...flags, scene.enclave.name, '--', ...command]), `inside says ${word}\n`);
      return 'a command of the measured template ran over the control channel';
    },
  },
  {
    name: 'cp',
    list: 'caisson',
    whyNot: whyUnsigned,
    async run(scene) {
      const [from, to] = [join(scene.folder, 'there'), join(scene.folder, 'back')];
      const bytes = randomBytes(1024 * 1024);
      writeFileSync(from, bytes);
      const flags = ['--operator', 'smoke', '--policy', writePolicy(scene)];
      await scene.caisson.run(['cp', ...flags, from, `${scene.enclave.name}:data/there`]);
      await scene.caisson.run(['cp', ...flags, `${scene.enclave.name}:data/there`, to]);
      ok(readFileSync(to).equals(bytes), 'the file that came back differs');
      return '1 MiB into the enclave and back, the same bytes';
    },
  },
];

/** Null: AWS's. */
function rootOf({ settings: { rootPem }, enclave }: Scene): string | null {
  return rootPem ?? enclave.rootPem;
}

function whyUnsigned({ settings: { backend }, enclave }: Scene): string | undefined {
  return backend !== 'nitro' && enclave.rootPem === null
    ? 'documents of this machine bear nobody’s signature'
    : undefined;
}

/** What the enclave must be, from the image that was built here and from nothing that the enclave says. */
function writePolicy(scene: Scene): string {
  const { settings, folder, image } = scene;
  const file = join(folder, 'policy.yaml');
  const pcrs = Object.fromEntries(image.pcrs.map((value, index) => [index, value]));
  const root = rootOf(scene);
  // A root that is not AWS's is of a simulation, whatever started the enclave.
  const backend = settings.backend === 'nitro' ? 'sim' : settings.backend;
  const roots = root === null ? {} : { backend, roots: [root] };
  writeFileSync(file, JSON.stringify({ v: 1, pcrs, ...roots }));
  return file;
}

async function askNsm({ settings: { httpPort }, stop }: Scene, fields: Readonly<Record<string, string>>) {
  const said = (await ask(httpPort, `/nsm?${new URLSearchParams(fields)}`, stop)).toString();
  const [, random = '', document = ''] =
    /^rnd OK ([0-9a-f]{512})\n\{"id":"att","ok":true,"data":"([0-9a-f]+)"\}\n$/.exec(said) ?? [];
  ok(document !== '', `nsm answered ${JSON.stringify(said.slice(0, 200))}`);
  // Of a map in CBOR: the keys and the bytes that were asked to be in it.
  for (const [name, key] of [
    ['publicKey', 'public_key'],
    ['nonce', 'nonce'],
    ['userData', 'user_data'],
  ] as const) {
    const value = fields[name] ?? '';
    const text = Buffer.from(key).toString('hex') + byteString(value.length / 2) + value;
    ok(document.includes(text), `the document has no ${key} of ${value}`);
  }
  return { random, document };
}

// Given: RFC 8949, major type 2, for lengths under 256.
function byteString(length: number): string {
  const head = length < 24 ? [0x40 + length] : [0x58, length];
  return Buffer.from(head).toString('hex');
}
