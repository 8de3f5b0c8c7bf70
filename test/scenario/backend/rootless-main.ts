// The contract of the simulator as a user without privilege: each promise as a line of JSON, its title and what is wrong with it.
import { backendContract } from '@caisson/testkit/backend';
import { createSimScene } from './sim-scene.ts';

const [state = '', images = ''] = process.argv.slice(2);
const scene = createSimScene(state, JSON.parse(images));
for (const { title, run } of backendContract) {
  const fault = await run(scene).then(
    () => null,
    (error: Error) => error.stack ?? String(error),
  );
  await new Promise((written) => process.stdout.write(`${JSON.stringify({ title, fault })}\n`, written));
}
// An enclave that a broken promise has left would keep this process.
process.exit(0);
