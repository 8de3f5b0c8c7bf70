// What the simulator says where nobody may make a user namespace: what it lacks, as JSON, and how a start is refused.
import { createSimBackend } from '@caisson/host/backend-sim';

const [state = '', image = ''] = process.argv.slice(2);
const backend = createSimBackend({ state });
const missing = await backend.findMissing();
const refusal = await backend.start({ name: 'refused', image, memoryMiB: 64, cpus: { count: 1 } }).then(
  () => null,
  ({ code, message, hint }: { code?: string; message: string; hint?: string }) => ({ code, message, hint }),
);
process.stdout.write(JSON.stringify({ missing, refusal }));
