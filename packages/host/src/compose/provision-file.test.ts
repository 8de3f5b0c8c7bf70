// The file of the reference's enclave engine: one enclave, and a note for whatever has no place here.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ComposeFaultError, parseCompose } from './index.ts';

const nitro = `general:
  name: Production_Enclave
  backend: nitro
nitro:
  enclave_name: production-enclave
  cpu_count: 4
  memory_mib: 4096
  eif_path: /opt/enclaves/production.eif
  vsock:
    cid: 16
    port: 5000
  debug_mode: true
`;

test('a file for nitro is one enclave with its image, and says what became of its second name and its port', () => {
  const { enclaves, form, notes } = parseCompose(nitro, 'config.yaml');
  assert.equal(form, 'engine');
  assert.deepEqual(
    [...enclaves],
    [
      [
        'production-enclave',
        {
          image: { eif: '/opt/enclaves/production.eif' },
          backend: 'nitro',
          resources: { cpus: 4, memoryMiB: 4096 },
          cid: 16,
          debug: true,
        },
      ],
    ],
  );
  assert.match(notes.join('\n'), /"Production_Enclave" is called production-enclave here/);
  assert.match(notes.join('\n'), /nitro\.vsock\.port has no place here/);
});

test('a file for qemu keeps processors and memory, and each thing of its machine is a note', () => {
  const text = `general: { name: secure-enclave, backend: qemu }
qemu:
  vm: { name: vm, memory: 16384, cpus: 8, disk: /d.qcow2, kernel: /k, initrd: /i, cmdline: console=ttyS0, qemu_binary: /usr/bin/qemu-system-x86_64 }
  confidential: { technology: amd-sev-snp, firmware: /OVMF.fd }
  gpu: { enable: true, vendor: nvidia, devices: ["0000:0a:00.0"] }
numa: { enable: true, nodes: [{ node_id: 0, cpus: [2, 3], memory_gb: 32, gpus: ["0000:0a:00.0"] }] }
hugepages: { enable: true, page_size_kb: 2048, num_pages: 1024 }
`;
  const { enclaves, notes } = parseCompose(text, 'config.yaml');
  assert.deepEqual([...enclaves], [['secure-enclave', { backend: 'qemu', resources: { cpus: 8, memoryMiB: 16384 } }]]);
  for (const word of [
    'qemu.vm.disk',
    'qemu.vm.qemu_binary',
    'qemu.confidential',
    'qemu.gpu',
    'numa',
    'hugepages',
    'resources.cpu_ids (2, 3)',
  ]) {
    assert.ok(
      notes.some((one) => one.includes(word)),
      word,
    );
  }
});

test('what the file leaves out is what that engine took: the name default-enclave, the backend qemu', () => {
  const { enclaves } = parseCompose('qemu: { vm: { memory: 512, cpus: 1 } }', 'c');
  assert.deepEqual([...enclaves.keys()], ['default-enclave']);
});

test('faults of such a file have their place, and a file of ours is never taken for one', () => {
  const faults = (text: string): string => {
    try {
      parseCompose(text, 'c');
      return '';
    } catch (error) {
      assert.ok(error instanceof ComposeFaultError);
      return error.message;
    }
  };
  assert.match(
    faults(nitro.replace('cpu_count: 4', 'cpu_cuont: 4')),
    /^c:4:1: nitro\.cpu_count is missing.*\nc:6:3: unknown key nitro\.cpu_cuont; did you mean cpu_count\?/m,
  );
  assert.match(
    faults('general: { backend: nitro }\nqemu: { vm: { memory: 512, cpus: 1 } }'),
    /^c:\d+:\d+: nitro is missing; general\.backend is nitro, so it must be a map$/,
  );
  assert.match(
    faults('general: { name: "1" }\nqemu: { vm: { memory: 512, cpus: 1 } }'),
    /general\.name must be 1 to 63/,
  );
  assert.match(faults('name: a\nnitro: {}'), /unknown key nitro/);
});
