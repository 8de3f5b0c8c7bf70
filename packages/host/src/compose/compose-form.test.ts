// What caisson.yaml comes to: files of other tools taken as they stand, short forms, the order of a start, and what is printed of it.
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how caisson.yaml names a variable
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkCompose, formatCompose, parseCompose, readIngressRule, resolveCompose, startOrder } from './index.ts';

test('an engine file of the reference is taken as it stands, with names that are names here', () => {
  const text = `
enclaves:
  default: { cpu_count: 2, memory_mb: 4096, eif_path: /opt/a.eif, debug_mode: true, cid: 16 }
  Side_Car: { cpu_count: 4, memory_mb: 512, eif_path: b.eif }
`;
  const { enclaves, form, notes } = parseCompose(text, 'engine.yaml');
  assert.equal(form, 'engine');
  assert.deepEqual(Object.fromEntries(enclaves), {
    default: { image: { eif: '/opt/a.eif' }, resources: { cpus: 2, memoryMiB: 4096 }, cid: 16, debug: true },
    'side-car': { image: { eif: 'b.eif' }, resources: { cpus: 4, memoryMiB: 512 } },
  });
  assert.match(notes.join('\n'), /engine file of the Sentient Enclaves Framework/);
  assert.match(notes.join('\n'), /enclave "Side_Car" is called side-car here/);
});

test('JSON of nitro-cli run-enclave --config is taken as it stands, in each spelling of its keys', () => {
  const whole = {
    enclave_name: 'my_enclave',
    eif_path: '/x/sample.eif',
    memory_mib: 512,
    cpu_ids: [1, 3],
    cpu_count: null,
    enclave_cid: 16,
    debug_mode: true,
    attach_console: true,
  };
  const { enclaves, form, notes } = parseCompose(JSON.stringify(whole), 'run.json');
  assert.equal(form, 'nitro-cli');
  assert.deepEqual(Object.fromEntries(enclaves), {
    'my-enclave': {
      image: { eif: '/x/sample.eif' },
      backend: 'nitro',
      cid: 16,
      debug: true,
      resources: { memoryMiB: 512, cpu_ids: [1, 3] },
    },
  });
  assert.match(notes.join('\n'), /attach_console is for whoever starts it/);
  for (const text of [
    '{"eif_path": "/x/app.eif", "memory_mib": 512, "cpu_count": 2}',
    '{"eif-path": "/x/app.eif", "memory": 512, "cpu-count": 2}',
    '{"EifPath": "/x/app.eif", "MemoryMiB": 512, "NumberOfCPUs": 2}',
  ]) {
    const [[name, spec] = []] = [...parseCompose(text, 'run.json').enclaves];
    assert.equal(name, 'app', 'by its image, as nitro-cli names it');
    assert.deepEqual(spec?.resources, { memoryMiB: 512, cpus: 2 });
  }
  const withCid = (cid: number): string => `{"eif_path":"a.eif","memory_mib":64,"cpu_count":1,"enclave_cid":${cid}}`;
  assert.equal(parseCompose(withCid(0), 'c').enclaves.get('a')?.cid, undefined, 'any, as the flag has it');
  assert.throws(() => parseCompose(withCid(3), 'c'), /enclave_cid must be 0 for any, or at least 4, got 3$/);
  const fault = parseCompose('{"eif_path":"a.eif","memory_mib":64,"cpu_count":1}', 'c').faultAt('a', ['cid'], 'x');
  assert.deepEqual(fault, { line: 1, column: 1, message: 'x' });
});

test('a rule of ingress is on loopback, and inside where it is outside, unless it says otherwise', () => {
  const rule = (hostAddress: string, hostPort: number, port: number, vsockPort = port, holdMs = 0) => ({
    hostAddress,
    hostPort,
    port,
    vsockPort,
    holdMs,
  });
  assert.deepEqual(readIngressRule(80), rule('127.0.0.1', 80, 80));
  assert.deepEqual(readIngressRule('80'), rule('127.0.0.1', 80, 80));
  assert.deepEqual(readIngressRule('8080:80'), rule('127.0.0.1', 8080, 80));
  assert.deepEqual(readIngressRule('0.0.0.0:8080:80'), rule('0.0.0.0', 8080, 80));
  assert.deepEqual(readIngressRule('[::1]:8080:80'), rule('::1', 8080, 80));
  const long = { listen: '[::]:1', port: 2, vsock_port: 3, hold: '5s' };
  assert.deepEqual(readIngressRule(long), rule('::', 1, 2, 3, 5_000));
});

test('each enclave starts after those that it waits for, else in the order of the file', () => {
  const order = (text: string) => startOrder(parseCompose(text, 'c').enclaves);
  assert.deepEqual(order('enclaves: {a: {}, b: {}}'), ['a', 'b']);
  assert.deepEqual(order('enclaves: {a: {depends_on: [c]}, b: {}, c: {depends_on: [b]}}'), ['b', 'c', 'a']);
  const graph = fc.array(fc.array(fc.nat(7), { maxLength: 3 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(graph, (edges) => {
      // Only on earlier ones, so that there is no circle; then in any order of the file.
      const waits = edges.map((all, index) => [...new Set(all.filter((other) => other < index))]);
      const specs = waits.map((all, index): [string, object] => [
        `n${index}`,
        { depends_on: all.map((one) => `n${one}`) },
      ]);
      const { enclaves } = parseCompose(JSON.stringify({ enclaves: Object.fromEntries(specs.reverse()) }), 'c');
      const started = startOrder(enclaves);
      assert.deepEqual(started.toSorted(), [...enclaves.keys()].toSorted());
      for (const [name, { depends_on: all = [] }] of enclaves) {
        for (const other of all) assert.ok(started.indexOf(other) < started.indexOf(name), `${other} before ${name}`);
      }
    }),
    { seed: 8, numRuns: 300 },
  );
});

test('what is printed is caisson.yaml again and comes to the same, whatever the texts in it', () => {
  const text = `
name: a
image: ./app
cmd: node 'my main.js'
env: { PRICE: "5$$", FROM: "\${WHO}" }
ingress: [80, "0.0.0.0:9090:81"]
egress: [b.example:443]
`;
  const compose = parseCompose(text, 'c', { variables: { WHO: 'you' } });
  const printed = formatCompose(compose, text);
  const again = parseCompose(printed, 'printed');
  assert.equal(formatCompose(again, printed), printed);
  assert.deepEqual(resolveCompose(again, printed), resolveCompose(compose, text));
  assert.deepEqual(again.enclaves.get('a')?.env, { PRICE: '5$', FROM: 'you' });
  assert.deepEqual(again.enclaves.get('a')?.cmd, ['node', 'my main.js']);
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 30 }), (value) => {
      const one = JSON.stringify({ name: 'a', env: { A: value.replaceAll('$', '$$$$') } });
      const twice = formatCompose(parseCompose(one, 'c'), one);
      assert.equal(parseCompose(twice, 'c').enclaves.get('a')?.env?.['A'], value);
    }),
    { seed: 9, numRuns: 300 },
  );
});

test('what a variable puts into a boot config is never printed', () => {
  for (const text of [
    'name: a\nconfig:\n  token: "${TOKEN}"\n  port: ${PORT:-80}\n  list: [x]',
    'enclaves: { a: { config: { token: "${TOKEN}", port: "${PORT:-80}", list: [x] } } }',
  ]) {
    const compose = parseCompose(text, 'c', { variables: { TOKEN: 'hunter2' } });
    const printed = formatCompose(compose, text);
    assert.match(printed, /\$\{TOKEN\}/);
    assert.ok(!`${printed}${JSON.stringify(resolveCompose(compose, text))}`.includes('hunter2'));
    const again = parseCompose(printed, 'c', { variables: { TOKEN: 'hunter2' } });
    assert.deepEqual(again.enclaves.get('a')?.config, compose.enclaves.get('a')?.config);
  }
});

test('checks every file that is named, and shows the fault of each at its place', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-compose-'));
  context.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'app'));
  writeFileSync(
    join(folder, 'caisson.yaml'),
    `enclaves:
  a:
    image: { source: ./nowhere }
    cmd: node 'x
    services: none
    operators:
      root_key: none.pem
      list:
        - { name: x, key: none.pem, verbs: [logs] }
        - { name: y, key: other.pem, verbs: [logs] }
    policy:
      attest: none.yaml
      config: { keys: [no.pem], schema: no.json }
    config: none.json
  b: { image: { eif: none.eif } }
  c: { image: { source: ./app }, policy: { attest: { pcrz: {} } } }
`,
  );
  const { compose, faults } = await checkCompose(join(folder, 'caisson.yaml'));
  assert.deepEqual([...(compose?.enclaves.keys() ?? [])], ['a', 'b', 'c']);
  const expected = [
    '3:14 image.source ',
    '4:5 cmd ',
    '5:5 cannot read services ',
    '7:7 cannot read operators.root_key ',
    '9:22 cannot read operators.list[0].key ',
    '10:22 cannot read operators.list[1].key ',
    '12:7 policy.attest: ',
    '13:24 cannot read policy.config.keys[0] ',
    '13:33 cannot read policy.config.schema ',
    '14:5 config ',
    '15:17 image.eif: ',
    '16:44 policy.attest: ',
  ];
  const got = faults.map(({ line, column, message }) => `${line}:${column} ${message}`);
  assert.deepEqual(
    got.map((one, index) => one.slice(0, expected[index]?.length)),
    expected,
    got.join('\n'),
  );
});
