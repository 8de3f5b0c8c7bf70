// What boot configs open on the host, held against each other and against `ingress` when a caisson.yaml is checked.
import { deepEqual, equal, match } from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { checkCompose } from './check-compose.ts';

let folder: string;
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'caisson-compose-ways-'));
  mkdirSync(join(folder, 'app'));
});
after(() => rmSync(folder, { recursive: true }));

async function faultsOf(yaml: string, env: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const path = join(folder, 'c.yaml');
  writeFileSync(path, yaml);
  const { faults } = await checkCompose(path, { env });
  return faults.map(({ line, column, message }) => `${line}:${column}: ${message}`);
}

/** argonaut's form. */
function config(httpPort: number, ...vsockPorts: readonly number[]): string {
  const endpoints = vsockPorts.map((vsockPort, index) => ({ host: `h${index}.example.com`, vsockPort }));
  return JSON.stringify({ httpPort, httpVsockPort: 8000, httpTcpPort: 3000, endpoints });
}

const enclave = (name: string, what: string, more = ''): string =>
  `  ${name}:\n    { image: ./app, profile: development, components: [ready, network], config: ${what}${more} }\n`;

test('two configs of a file that want one vsock port of the host are refused with both enclaves, port and place', async () => {
  const first = enclave('a', config(8080, 8100, 8101));
  deepEqual(await faultsOf(`enclaves:\n${first}${enclave('b', config(8081, 8102))}`), []);
  const [fault, ...others] = await faultsOf(`enclaves:\n${first}${enclave('b', config(8081, 8102, 8101))}`);
  deepEqual(others, []);
  match(
    fault ?? '',
    /^5:\d+: config: endpoints\[1\]\.vsockPort of b must be its own on this host, got 8101, which the config of a has$/,
  );
  writeFileSync(join(folder, 'b.json'), config(8081, 8100));
  match(
    (await faultsOf(`enclaves:\n${first}${enclave('b', 'b.json')}`)).join('\n'),
    /^5:73: config b\.json: endpoints\[0\]\.vsockPort of b must be its own on this host, got 8100, which the config of a has$/,
  );
});

test('an httpPort that another enclave of the file has, by its config or its ingress, is refused with both', async () => {
  const b = enclave('b', config(8080, 8100));
  match(
    (await faultsOf(`enclaves:\n${enclave('a', config(8080, 8101))}${b}`)).join('\n'),
    /^5:\d+: config: httpPort of b must be its own on this host, got 127\.0\.0\.1:8080, which httpPort in the config of a has$/,
  );
  const a = '  a: { image: ./app, ingress: ["127.0.0.2:8080:3000"] }\n';
  deepEqual(await faultsOf(`enclaves:\n${a}${b}`), []);
  for (const file of [`enclaves:\n${a}${b}`, `enclaves:\n${b}${a}`]) {
    match(
      (await faultsOf(file, { ARGONAUT_HTTP_BIND_ADDR: '0.0.0.0' })).join('\n'),
      /config: httpPort of b must be its own on this host, got 0\.0\.0\.0:8080, which ingress\[0\] of a has$/,
    );
  }
  // One that says both means one way.
  deepEqual(await faultsOf(`enclaves:\n${enclave('c', config(8080, 8100), ', ingress: ["8080:8000"]')}`), []);
});

test('a config whose ways this side must not open is refused with its place', async () => {
  match(
    (await faultsOf(`enclaves:\n${enclave('a', config(8080, 9000))}`)).join('\n'),
    /^3:\d+: config: ways of the boot config: endpoints\[0\]\.vsockPort must not be 9000/,
  );
});

test('ways of a config that nothing in the image serves are refused until the image says who does', async () => {
  const yaml = (more: string): string =>
    `name: a\nimage: ./app\nprofile: development\nconfig: ${config(8080, 8100)}\n${more}`;
  const [fault = '', ...others] = await faultsOf(yaml('operators: { local: dev }\n'));
  match(
    fault,
    /^4:1: config: its ways must be served inside .*; components: \[ready, control, network\] has the component, \[ready, control\] says/,
  );
  equal(others.length, 0);
  for (const more of ['components: [ready, network]\n', 'components: [ready]\n', 'egress: [example.com:443]\n'])
    deepEqual(await faultsOf(yaml(more)), [], more);
});
