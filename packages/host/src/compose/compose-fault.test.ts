// Every kind of slip in caisson.yaml, and in the files of other tools that are taken in its place, with what is said about it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ComposeFaultError, parseCompose } from './index.ts';

const faultsOf = (text: string): string[] => {
  try {
    parseCompose(text, 'c.yaml');
    return [];
  } catch (error) {
    assert.ok(error instanceof ComposeFaultError, String(error));
    return error.message.split('\n');
  }
};

test('every fault is shown with file, line, column, bound, what was there, and the key that was probably meant', () => {
  const table: [text: string, faults: (string | RegExp)[]][] = [
    ['name: a', []],
    ['image: x', ['c.yaml:1:1: name is missing; it must be a text']],
    ['name: A', ['c.yaml:1:1: name must be 1 to 63 of a-z, 0-9 and -, beginning with a letter, got "A"']],
    ['name: a\nimgae: x', ['c.yaml:2:1: unknown key imgae; did you mean image?']],
    ['name: a\nimage:\n  kernle: aws', ['c.yaml:3:3: unknown key image.kernle; did you mean kernel?']],
    ['name: a\nprofile: prod', ['c.yaml:2:1: profile must be one of development, production, got "prod"']],
    ['name: a\ncmd: [1]', ['c.yaml:2:7: cmd[0] must be a text, got 1']],
    ['name: a\ncmd: 5', ['c.yaml:2:1: cmd must be a text or a list, got 5']],
    ['name: a\negress: [host]', ['c.yaml:2:10: egress[0] must be HOST:PORT, got "host"']],
    ['name: a\negress: [{host: x}]', ['c.yaml:2:10: egress[0].port is missing; it must be a number']],
    ['name: a\ningress: [70000]', ['c.yaml:2:11: ingress[0] must be at most 65535, got 70000']],
    ['name: a\nresources: {cpus: 0}', ['c.yaml:2:13: resources.cpus must be at least 1, got 0']],
    ['name: a\nresources: {cpus: 1.5}', ['c.yaml:2:13: resources.cpus must be a whole number, got 1.5']],
    ['name: a\ncid: 3', ['c.yaml:2:1: cid must be at least 4, got 3']],
    ['name: a\nready: {http: 8080, timeout: 5}', ['c.yaml:2:21: ready.timeout must be a text, got 5']],
    [
      'name: a\nready: {http: 8080, timeout: 5x}',
      ['c.yaml:2:21: ready.timeout must be a duration such as 500ms, 30s or 5m, got "5x"'],
    ],
    ['name: a\nmemory: 5', [/unknown key memory; known are /]],
    ['enclaves: {}', ['c.yaml:1:1: enclaves must have at least one, got none']],
    ['enclaves:\n  A: {}', ['c.yaml:2:3: name enclaves.A must be 1 to 63 of a-z, 0-9 and -, beginning with a letter']],
    [
      'enclaves:\n  a: {imag: x}\n  b: {profile: 1}',
      [
        'c.yaml:2:7: unknown key enclaves.a.imag; did you mean image?',
        'c.yaml:3:7: enclaves.b.profile must be one of development, production, got 1',
      ],
    ],
    ['enclaves: {a: {}}\nname: b', [/c.yaml:2:1: unknown key name/]],
    ['name: a\nname: b', [/c.yaml:2:1: .*unique/i]],
    ['name: &x a', ['c.yaml:1:10: caisson.yaml must have no anchor, got one']],
    ['name: [', [/c.yaml:1:/]],
    ['- a', ['c.yaml:1:1: the file must be a map, got a list']],
    ['', ['c.yaml:1:1: the file must be a map, got nothing']],
    // By itself.
    ['name: a\nversion: true', ['c.yaml:2:1: version must be a text or a number, got true']],
    ['name: a\nimage: 5', ['c.yaml:2:1: image must be a text or a map, got 5']],
    ['name: a\nimage: {pcr0: ab}', ['c.yaml:2:9: image.pcr0 must be 96 hex digits, got "ab"']],
    ['name: a\nimage: {arch: arm}', ['c.yaml:2:9: image.arch must be one of x86_64, aarch64, got "arm"']],
    ['name: a\nimage: {init: systemd}', ['c.yaml:2:9: image.init must be one of caisson, plain, got "systemd"']],
    ['name: a\nimage: {rootfs: 1}', ['c.yaml:2:9: image.rootfs must be true or false, got 1']],
    ['name: a\nimage: {exclude: x}', ['c.yaml:2:9: image.exclude must be a list, got "x"']],
    ['name: a\ncmd: []', ['c.yaml:2:1: cmd must have at least 1 entry, got a list']],
    ['name: a\nenv: {A: [1]}', ['c.yaml:2:7: env.A must be a text or a number or true or false, got a list']],
    ['name: a\nenv: [A=1]', ['c.yaml:2:1: env must be a map, got a list']],
    ['name: a\nworkdir: ""', ['c.yaml:2:1: workdir must have at least 1 character, got ""']],
    ['name: a\nbackend: docker', ['c.yaml:2:1: backend must be one of auto, nitro, qemu, sim, got "docker"']],
    ['name: a\nrestart: never', ['c.yaml:2:1: restart must be one of no, always, on-failure, got "never"']],
    ['name: a\ndebug: "yes"', ['c.yaml:2:1: debug must be true or false, got "yes"']],
    ['name: a\nresources: {memoryMiB: 32}', ['c.yaml:2:13: resources.memoryMiB must be at least 64, got 32']],
    ['name: a\nresources: {memoryMib: 512}', ['c.yaml:2:13: unknown key resources.memoryMib; did you mean memoryMiB?']],
    ['name: a\nresources: {cpu_ids: []}', ['c.yaml:2:13: resources.cpu_ids must have at least 1 entry, got a list']],
    ['name: a\nresources: {cpu_ids: [-1]}', ['c.yaml:2:23: resources.cpu_ids[0] must be at least 0, got -1']],
    ['name: a\ncid: 4194304', ['c.yaml:2:1: cid must be at most 4194303, got 4194304']],
    ['name: a\ningress: ["a b"]', ['c.yaml:2:11: ingress[0] must be [[ADDRESS:]HOSTPORT:]PORT, got "a b"']],
    ['name: a\ningress: ["0:80"]', ['c.yaml:2:11: ingress[0] must have ports in 1..65535, got "0:80"']],
    ['name: a\ningress: ["99999"]', ['c.yaml:2:11: ingress[0] must have ports in 1..65535, got "99999"']],
    ['name: a\ningress: [{port: 1}]', ['c.yaml:2:11: ingress[0].listen is missing; it must be a text']],
    ['name: a\ningress: [{listen: "8080", port: 1}]', [/^c.yaml:2:12: ingress\[0\].listen must be ADDRESS:PORT, got/]],
    ['name: a\ningress: [{listen: "h:1", port: 1, hold: x}]', [/ingress\[0\].hold must be a duration/]],
    ['name: a\ningress: [{listen: "h:1", port: 1, target: 2}]', [/unknown key ingress\[0\].target; known are /]],
    ['name: a\negress: ["a.example:0"]', ['c.yaml:2:10: egress[0] must have ports in 1..65535, got "a.example:0"']],
    ['name: a\negress: [https://a.example:443]', [/^c.yaml:2:10: egress\[0\] must be HOST:PORT/]],
    [
      `name: a\negress: [${Array.from({ length: 192 }, (_, index) => `h${index}:1`).join(', ')}]`,
      ['c.yaml:2:1: egress must have at most 191 entries, got a list'],
    ],
    ['name: a\noperators: {threshold: 0}', ['c.yaml:2:13: operators.threshold must be at least 1, got 0']],
    ['name: a\noperators: {list: [{name: x, verbs: []}]}', [/operators.list\[0\].key is missing; it must be a text/]],
    ['name: a\npolicy: {confg: {}}', ['c.yaml:2:10: unknown key policy.confg; did you mean config?']],
    ['name: a\npolicy: {config: {expect: maybe}}', [/policy.config.expect must be one of none, optional, required/]],
    ['name: a\npolicy: {config: {minimum_version: -1}}', [/policy.config.minimum_version must be at least 0, got -1/]],
    ['name: a\npolicy: {health_port: true}', [/^c.yaml:2:10: policy.health_port must be/]],
    ['name: a\npolicy: {last_words: outside}', [/policy.last_words must be one of inside, sealed, got "outside"/]],
    ['name: a\nready: {htp: 80}', [/ready.http must be/, /unknown key ready.htp; did you mean http/]],
    ['name: a\nready: {http: "https://x/"}', [/ready.http must be a port or http:\/\/127.0.0.1:PORT\/PATH/]],
    ['name: a\nready: {http: "http://127.0.0.1:0/"}', [/ready.http must have ports in 1..65535/]],
    ['name: a\nready: {action: "udp:1"}', ['c.yaml:2:9: ready.action must be vsock:PORT or tcp:PORT, got "udp:1"']],
    ['name: a\nready: {notify: false}', [/ready.notify must be true, got false/]],
    ['name: a\nlogs: {level: loud}', [/logs.level must be one of error, warn, info, debug, trace, got "loud"/]],
    ['name: a\ndepends_on: b', ['c.yaml:2:1: depends_on must be a list, got "b"']],
    ['name: a\nlabels: {a: null}', [/labels.a must be a text or a number or true or false, got nothing/]],
    ['name: a\nconfig: [1]', ['c.yaml:2:1: config must be a text or a map, got a list']],
    ['name: a\ndebug: !!str yes', [/^c.yaml:2:\d+: caisson.yaml must have no tag/]],
    // Beside each other.
    ['name: a\nimage: {pcr0: PCR}', ['c.yaml:2:9: image.pcr0 must stand beside image.eif, got no image.eif']],
    ['name: a\nimage: {eif: x, source: y}', [/^c.yaml:2:17: image.source must not stand beside image.eif/]],
    ['name: a\nimage: {eif: x, kernel: aws}', [/^c.yaml:2:17: image.kernel must not stand beside image.eif/]],
    [
      'name: a\nimage: {eif: x}\ncmd: y',
      ['c.yaml:3:1: cmd must not stand beside image.eif, which is built already, got it'],
    ],
    ['name: a\nimage: {eif: x}\nready: {tcp: 1}', [/^c.yaml:3:9: ready.tcp must not stand beside image.eif/]],
    ['name: a\nimage: {eif: x}\npolicy: {config: {}}', [/^c.yaml:3:10: policy.config must not stand beside image.eif/]],
    ['name: a\nimage: {init: plain}\nready: {tcp: 1}', [/ready.tcp must not stand with image.init plain/]],
    ['name: a\nservices: {app: x}\nready: {tcp: 1}', [/^c.yaml:3:9: ready.tcp must not stand beside services.app/]],
    [
      'name: a\nresources: {cpus: 1, cpu_ids: [2]}',
      ['c.yaml:2:13: resources must have one of cpus and cpu_ids, got both'],
    ],
    [
      'name: a\npolicy: {last_words: sealed}',
      ['c.yaml:2:10: policy.last_words sealed must have policy.last_words_key, got none'],
    ],
    ['name: a\npolicy: {last_words_key: k}', [/policy.last_words_key must stand beside policy.last_words: sealed/]],
    [
      'name: a\nconfig: {}\npolicy: {config: {expect: none}}',
      [/^c.yaml:2:1: config must not stand beside policy.config/],
    ],
    [
      'name: a\ningress: ["1:7777"]',
      ['c.yaml:2:11: vsock port 7777 must have one user, got the boot config and ingress[0]'],
    ],
    [
      'name: a\ningress: ["1:80", "2:80"]',
      [/^c.yaml:2:19: vsock port 80 must have one user, got ingress\[0\] and ingress\[1\]$/],
    ],
    // Of one machine.
    [
      'enclaves: {a: {ingress: [8080]}, b: {ingress: ["0.0.0.0:8080:1"]}}',
      [
        /^c.yaml:1:48: ingress\[0\] of b must have a host address and port of its own, got 0.0.0.0:8080, which ingress\[0\] of a has$/,
      ],
    ],
    [
      'enclaves: {a: {logs: {file: ./l}}, b: {logs: {file: l}}}',
      ['c.yaml:1:47: logs.file of b must be its own, got l, which a has'],
    ],
    ['enclaves: {a: {cid: 9}, b: {cid: 9}}', ['c.yaml:1:29: cid of b must be its own, got 9, which a has']],
    [
      'enclaves: {a: {resources: {cpu_ids: [1]}}, b: {resources: {cpu_ids: [1]}}}',
      [/cpu_ids\[0\] of b must be its own, got 1, which a has/],
    ],
    [
      'name: a\nresources: {cpu_ids: [1, 1]}',
      [/^c.yaml:2:26: resources.cpu_ids\[1\] of a must be its own, got 1, that stands there twice$/],
    ],
    ['name: a\ndepends_on: [a]', ['c.yaml:2:14: depends_on[0] of a must be another enclave, got its own name']],
    [
      'enclaves: {web: {depends_on: [databse]}, database: {}}',
      [/^c.yaml:1:31: depends_on\[0\] of web .*, got databse; did you mean database\?$/],
    ],
    ['enclaves: {a: {depends_on: [b, b]}, b: {}}', [/depends_on\[1\] of a must stand once, got b again/]],
    [
      'enclaves: {a: {depends_on: [b]}, b: {depends_on: [c]}, c: {depends_on: [a]}}',
      ['c.yaml:1:16: enclaves must not wait for each other, got a -> b -> c -> a'],
    ],
    [
      'enclaves: {a: {cid: 9}, b: {cid: 9}, c: {imge: x}}',
      [
        'c.yaml:1:29: cid of b must be its own, got 9, which a has',
        'c.yaml:1:42: unknown key enclaves.c.imge; did you mean image?',
      ],
    ],
    // Of other tools.
    ['{"eif_path": "a.eif", "memory_mib": 512}', [/^c.yaml:1:1: the file must have one of cpu_count and cpu_ids/]],
    [
      '{"eif_path": "a.eif", "memory_mib": 32, "cpu_count": 1}',
      ['c.yaml:1:23: memory_mib must be at least 64, got 32'],
    ],
    ['{"EifPath": "a.eif", "MemoryMiB": 32, "cpu-count": 1}', ['c.yaml:1:22: MemoryMiB must be at least 64, got 32']],
    [
      '{"eif_path": "a.eif", "memory": 64, "memory_mib": 64, "cpu_count": 1}',
      [/memory_mib must stand once, got it as memory too/],
    ],
    [
      '{"eif_path": "a.eif", "memory_mib": 64, "cpu_count": 1, "debug_mod": true}',
      [/unknown key debug_mod; did you mean debug_mode\?/],
    ],
    [
      '{"eif_path": "9.eif", "memory_mib": 64, "cpu_count": 1}',
      [/^c.yaml:1:1: enclave_name must be 1 to 63 of .*, got "9"$/],
    ],
    [
      'enclaves: {a: {cpu_count: 2, memory_mb: 64}}',
      ['c.yaml:1:12: enclaves.a.eif_path is missing; it must be a text'],
    ],
    [
      'enclaves: {a: {cpu_count: 2, memory_mb: 64, eif_path: x, cidd: 5}}',
      [/unknown key enclaves.a.cidd; did you mean cid\?/],
    ],
    [
      'enclaves: {a_b: {cpu_count: 2, memory_mb: 64, eif_path: x}, A-B: {cpu_count: 2, memory_mb: 64, eif_path: x}}',
      [/name enclaves.A-B must be another: a-b is taken/],
    ],
  ];
  assert.ok(table.length >= 60, `${table.length} rows`);
  for (const [raw, faults] of table) {
    const text = raw.replace('PCR}', `${'a'.repeat(96)}}`);
    const got = faultsOf(text);
    assert.equal(got.length, faults.length, `${text}: ${got.join(' / ')}`);
    for (const [index, fault] of faults.entries()) {
      if (typeof fault === 'string') assert.equal(got[index], fault);
      else assert.match(got[index]!, fault);
    }
  }
});

test('a number that would not be what stands there is refused where a text or a JSON number is wanted', () => {
  const text = 'in quotes where it is not to become';
  const table: [text: string, faults: (string | RegExp)[]][] = [
    ['version: 1.10', [`c.yaml:2:10: version must be a text ${text} 1.1, got 1.10`]],
    ['env: {A: 0x10, B: 007, C: True, D: 1e3}', [/env.A .* 16,/, /env.B .* 7,/, /env.C .* true,/, /env.D .* 1000,/]],
    ['labels: {a: 1.0}', [`c.yaml:2:13: labels.a must be a text ${text} 1, got 1.0`]],
    [
      'config: {id: 12345678901234567890}',
      [/^c.yaml:2:14: config.id must be a number that a double holds, or a text in/],
    ],
    ['config: {list: [.nan, {x: -.inf}, 1e400]}', [/config.list /, /config.list.x /, /config.list /]],
    ['policy: {config: {schema: {const: 9007199254740993}}}', [/^c.yaml:2:35: policy.config.schema.const /]],
    ['version: "1.10"\nenv: {A: 10, B: "0x10", C: true, D: -1.5}\nconfig: {a: 0x10, b: 1.10, c: 9007199254740991}', []],
    // Nobody sees how these are written.
    ['cid: 0x10\nresources: {memoryMiB: 1e3}', []],
  ];
  for (const [given, faults] of table) {
    const found = faultsOf(`name: a\n${given}`);
    assert.equal(found.length, faults.length, `${given}\n${found.join('\n')}`);
    for (const [index, fault] of faults.entries()) {
      if (typeof fault === 'string') assert.equal(found[index], fault);
      else assert.match(found[index] ?? '', fault);
    }
  }
  assert.match(faultsOf('enclaves:\n  a:\n    env: {V: 1.10}').join(), /^c.yaml:3:14: enclaves.a.env.V must be a text/);
});

test('what no record of an enclave can hold is refused before anything is built for it', () => {
  const long = (count: number): string => 'x'.repeat(count);
  const table: [text: string, fault: RegExp | undefined][] = [
    ['ingress: [{listen: "127.0.0.1:80", port: 80, hold: 24h}]', undefined],
    ['ingress: [{listen: "127.0.0.1:80", port: 80, hold: 24h1ms}]', /hold must be at most 24h/],
    [`egress: [{host: ${long(254)}, port: 1}]`, /host must have at most 253 characters/],
    [`labels: {a: ${long(4_096)}, ${long(256)}: b}`, undefined],
    [`labels: {a: ${long(4_097)}}`, /labels.a must have at most 4096 characters/],
    [`labels: {${long(257)}: b}`, /name labels.x+ must/],
    ['resources: {cpu_ids: [4096]}', /at most 4095/],
    ['resources: {memoryMiB: 16777217}', /at most 16777216/],
    ['env: {A-B: c}', /name env.A-B must be letters, digits and _/],
    ['version: a/b', /version must be 1 to 64 letters, digits, and . _ \+ -, got "a\/b"/],
    ['image: "a\\0b"', /image must have no NUL/],
    ['logs: {file: "a\\0b"}', /logs.file must have no NUL/],
    [`config: ./${long(5_000)}`, /config must have at most 4095 characters/],
  ];
  for (const [given, fault] of table) {
    const found = faultsOf(`name: a\n${given}`).join('\n');
    if (fault === undefined) assert.equal(found, '');
    else assert.match(found, fault);
  }
  const many = (count: number): string =>
    `enclaves:\n${Array.from({ length: count }, (_, n) => `  a${n}: {depends_on: [a${n + 1}]}\n`).join('')}  a${count}: {}\n`;
  assert.deepEqual(faultsOf(many(999)), []);
  assert.deepEqual(faultsOf(many(1_100)), ['c.yaml:1:1: enclaves must be at most 1000, got 1101']);
});
