// Runs the test files it is given in one process and ends it with 1 at the first test that fails, because one is enough to kill a
// mutant. 0: all held, and that many tests did; a run of none would let every mutant live and is refused.
import { run } from 'node:test';

let passed = 0;
const stream = run({ files: process.argv.slice(2), isolation: 'none' });
stream.on('test:pass', ({ skip }) => {
  if (skip === undefined) passed += 1;
});
stream.on('test:fail', ({ name }) => {
  console.log(`failed: ${name}`);
  process.exit(1);
});
stream.on('test:summary', ({ success }) => {
  console.log(`passed: ${passed}`);
  process.exit(success && passed > 0 ? 0 : 1);
});
stream.resume();
