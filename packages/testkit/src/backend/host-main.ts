// A host of its own, to be killed: starts one enclave, says its pids as a line of JSON, and waits.
import { createQemuBackend } from '@caisson/host/backend-qemu';
import { createSimBackend } from '@caisson/host/backend-sim';

const [kind, state = '', image = '', cid, memoryMiB, folder] = process.argv.slice(2);
const backend = kind === 'qemu' ? createQemuBackend({ state, folder }) : createSimBackend({ state });
const enclave = await backend.start({
  name: 'orphan',
  image,
  cid: Number(cid),
  memoryMiB: Number(memoryMiB),
  cpus: { count: 1 },
});
process.stdout.write(`${JSON.stringify(enclave.pids)}\n`);
setInterval(() => {}, 1_000_000);
