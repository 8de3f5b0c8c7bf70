// init.yaml: the reference's keys and defaults, and the reason where one cannot mean what it says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_INIT, parseMeasuredInit } from '@caisson/core/measured';
import fc from 'fast-check';
import { compileInit, formatServiceFault, ServiceFaultError } from './index.ts';

function faultsOf(text: string): string[] {
  try {
    return compileInit(text).warnings.map(formatServiceFault);
  } catch (error) {
    assert.ok(error instanceof ServiceFaultError, String(error));
    return error.faults.map(formatServiceFault);
  }
}

test('an empty init.yaml has the defaults, and every key that makes sense has its effect', () => {
  assert.deepEqual(compileInit('').measured, DEFAULT_INIT);
  assert.deepEqual(compileInit('# nothing\n').serviceFolder, null);
  const { measured, bytes, serviceFolder, warnings } = compileInit(`
service_dir: /srv/units
log_dir: /var/log/services
max_log_size: 1048576
max_log_files: 1
environment:
  TZ: UTC
  LEVEL: 3
control:
  unix_socket_enabled: true
  unix_socket_path: /run/other.sock
  vsock_enabled: false
vsock: { enabled: true, cid: 3, port: 9000 }
nsm_driver_path: nsm.ko
pivot_root: true
pivot_root_dir: /rootfs
`);
  assert.deepEqual(measured, {
    v: 1,
    logDir: '/var/log/services',
    maxLogBytes: 1_048_576,
    maxLogFiles: 1,
    environment: { TZ: 'UTC', LEVEL: '3' },
    controlSocket: '/run/other.sock',
  });
  assert.deepEqual(parseMeasuredInit(bytes), measured);
  assert.deepEqual([serviceFolder, warnings], ['/srv/units', []]);
  assert.equal(compileInit('control: { unix_socket_enabled: false }').measured.controlSocket, null);
});

test('what cannot be had is refused with the reason, and what has no effect is told', () => {
  for (const [text, expected] of [
    [
      'control:\n  vsock_enabled: true',
      '2:3: control.vsock_enabled must be false: control from outside goes through the control channel',
    ],
    ['control:\n  vsock_port: 9001', '2:3: warning: control.vsock_port has no effect: control from outside'],
    ['pivot_root: false', '1:1: pivot_root must be true: an enclave always leaves its boot ramdisk, got false'],
    ['vsock:\n  port: 9001', '2:3: vsock.port must be 9000: the port of the heartbeat belongs to the parent, got 9001'],
    ['nsm_driver_path: /x.ko', '1:1: nsm_driver_path must be nsm.ko: it comes with the kernel, got "/x.ko"'],
    ['max_log_files: 0', '1:1: max_log_files must be an integer in 1..100, got 0'],
    ['max_log_size: big', '1:1: max_log_size must be an integer in 4096..1073741824, got "big"'],
    ['log_dir: /a/../b', '1:1: log_dir must be an absolute path without . and .., got "/a/../b"'],
    ['log_dri: /a', '1:1: unknown key log_dri (did you mean log_dir?)'],
    ['environment: [a]', '1:1: environment must be a map of variables, got'],
    ['environment: { "A B": c }', '1:1: environment must be a map of variables, each a name and a text; "A B" is none'],
    ['- a', '1:1: init.yaml must be a map of keys'],
    ['log_dir: /a\nlog_dir: /b', '2:1: Map keys must be unique'],
    ['a: [', ''],
  ] as const) {
    const [first = ''] = faultsOf(text);
    assert.ok(first.startsWith(`init.yaml:${expected}`), `${first} for ${text}`);
  }
});

test('any text is compiled or refused with places, and never anything else', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constantFrom('control:', ' vsock_enabled: 1', '*a', '!!js x')), {
        maxLength: 5,
      }),
      (lines) => {
        faultsOf(lines.join('\n'));
      },
    ),
    { seed: 6, numRuns: 500 },
  );
});
