// The file that the enclave engine of the Sentient Enclaves Framework is posted: `general`, `nitro` or `qemu`, `numa`, `hugepages`. One enclave, taken as
// it stands; what that engine did for machines of another kind, or only printed, has no place here, and a note says so.

import { FIRST_ENCLAVE_CID, LAST_ENCLAVE_CID } from '@caisson/core/address';
import * as z from 'zod';
import { isMapValue } from '../located-yaml/index.ts';
import { readForeignName } from './foreign-name.ts';
import { type ComposeIssue, describeIssues } from './issue-text.ts';
import type { FormReading } from './placed-spec.ts';
import type { EnclaveSpec } from './schema.ts';

const text = z.string().min(1);
const count = z.int().min(0);

const provisionFile = z.strictObject({
  general: z.strictObject({ name: text.optional(), backend: z.enum(['qemu', 'nitro']).optional() }).optional(),
  qemu: z
    .strictObject({
      vm: z.strictObject({
        name: text.optional(),
        memory: z.int().min(64),
        cpus: z.int().min(1).max(1_024),
        disk: text.optional(),
        kernel: text.optional(),
        initrd: text.optional(),
        cmdline: z.string().optional(),
        qemu_binary: text.optional(),
      }),
      confidential: z.record(z.string(), z.unknown()).optional(),
      gpu: z.record(z.string(), z.unknown()).optional(),
    })
    .optional(),
  nitro: z
    .strictObject({
      enclave_name: text.optional(),
      cpu_count: z.int().min(1).max(1_024),
      memory_mib: z.int().min(64),
      eif_path: text,
      vsock: z
        .strictObject({ cid: z.int().min(FIRST_ENCLAVE_CID).max(LAST_ENCLAVE_CID).optional(), port: count.optional() })
        .optional(),
      debug_mode: z.boolean().optional(),
    })
    .optional(),
  numa: z
    .strictObject({
      enable: z.boolean().optional(),
      nodes: z
        .array(
          z.strictObject({
            node_id: count,
            cpus: z.array(count).optional(),
            memory_gb: z.number().min(0).optional(),
            gpus: z.array(text).optional(),
          }),
        )
        .optional(),
    })
    .optional(),
  hugepages: z
    .strictObject({
      enable: z.boolean().optional(),
      page_size_kb: count.optional(),
      num_pages: count.optional(),
      mount_point: text.optional(),
    })
    .optional(),
});
type ProvisionFile = z.infer<typeof provisionFile>;

/** A map with `general`, or with the part of a backend, and nothing that only caisson.yaml has. */
export function isProvisionFile(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  if ('enclaves' in value || 'image' in value || 'name' in value) return false;
  return ['general', 'nitro', 'qemu'].some((key) => isMapValue((value as Readonly<Record<string, unknown>>)[key]));
}

export function readProvisionFile(value: unknown): FormReading {
  const { data, error } = provisionFile.safeParse(value);
  const nothing = { names: [], enclaves: new Map(), notes: [] };
  if (data === undefined) return { ...nothing, issues: describeIssues(error.issues, value, provisionFile) };
  // Given: what that engine takes where the file is silent.
  const backend = data.general?.backend ?? 'qemu';
  const called = data.general?.name ?? 'default-enclave';
  const read = readForeignName(called);
  const issues: ComposeIssue[] = [];
  if ('message' in read) issues.push({ path: ['general', 'name'], message: `general.name ${read.message}` });
  if (data[backend] === undefined) {
    issues.push({
      path: [backend],
      message: `${backend} is missing; general.backend is ${backend}, so it must be a map`,
    });
  }
  if ('message' in read || issues.length > 0) return { ...nothing, issues };
  const notes = [
    'read as a file of the enclave engine of the Sentient Enclaves Framework; caisson compose print shows it as caisson.yaml',
  ];
  if (read.note !== undefined) notes.push(read.note);
  const spec = backend === 'nitro' ? nitroSpec(data, called, notes) : qemuSpec(data, notes);
  notes.push(...notesOfMachine(data));
  return { names: [read.name], enclaves: new Map([[read.name, { spec, path: [] }]]), issues, notes };
}

function nitroSpec({ nitro, qemu }: ProvisionFile, called: string, notes: string[]): EnclaveSpec {
  const { cpu_count: cpus, memory_mib: memoryMiB, eif_path: eif, vsock, debug_mode: debug, enclave_name: own } = nitro!;
  if (own !== undefined && own !== called)
    notes.push(`nitro.enclave_name ${own} has no place here: general.name is its one name`);
  if (vsock?.port !== undefined)
    notes.push('nitro.vsock.port has no place here: what the enclave listens on stands under ingress');
  if (qemu !== undefined) notes.push('qemu has no place here: general.backend is nitro');
  return {
    image: { eif },
    backend: 'nitro',
    resources: { cpus, memoryMiB },
    ...(vsock?.cid !== undefined && { cid: vsock.cid }),
    ...(debug !== undefined && { debug }),
  };
}

/** That engine's machines boot from a disk; an enclave here is an image that is measured. */
function qemuSpec({ qemu, nitro }: ProvisionFile, notes: string[]): EnclaveSpec {
  const { vm, confidential, gpu } = qemu!;
  const parts = (['name', 'disk', 'kernel', 'initrd', 'cmdline'] as const).filter((key) => vm[key] !== undefined);
  if (parts.length > 0) {
    notes.push(
      `${parts.map((key) => `qemu.vm.${key}`).join(', ')} ${parts.length === 1 ? 'has' : 'have'} no place here: an enclave is an image that is measured; name its source under image`,
    );
  }
  if (vm.qemu_binary !== undefined)
    notes.push('qemu.vm.qemu_binary has no place here: no file says which program is run');
  if (confidential !== undefined)
    notes.push('qemu.confidential has no place here: TDX and SEV are machines of another kind');
  if (gpu !== undefined) notes.push('qemu.gpu has no place here: no device is passed to an enclave');
  if (nitro !== undefined) notes.push('nitro has no place here: general.backend is qemu');
  return { backend: 'qemu', resources: { cpus: vm.cpus, memoryMiB: vm.memory } };
}

function notesOfMachine({ numa, hugepages }: ProvisionFile): string[] {
  const notes: string[] = [];
  if (numa !== undefined) {
    const ids = numa.nodes?.flatMap(({ cpus = [] }) => cpus) ?? [];
    const also = ids.length === 0 ? '' : `; processors by number are resources.cpu_ids (${ids.join(', ')})`;
    notes.push(`numa has no place here: caisson doctor --plan proposes processors and memory of one node${also}`);
  }
  if (hugepages !== undefined)
    notes.push(
      'hugepages has no place here: the allocator of the parent reserves them, caisson doctor --plan says how many',
    );
  return notes;
}
