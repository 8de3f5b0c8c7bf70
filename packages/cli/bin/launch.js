// What every launcher of this program does. Plain JavaScript that an old Node can read, checked in, so that npm can link
// the names before anything is built: finds the built program, and a Node that can run it.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const leastNode = [22, 18];

/** Runs the program under `name` in this process, or in the pinned Node when this one is too old. */
export async function launch(name) {
  const entry = findProgram();
  if (entry === undefined) fail(name, 'nothing is built yet; run: npm install && npm run build');
  if (isRecent(process.versions.node)) {
    const program = await import(entry.href);
    await program.main(name);
    return;
  }
  const node = await pinnedNode();
  if (node === undefined) {
    fail(name, `needs Node ${leastNode.join('.')} or newer, this is ${process.version}; run: npm install`);
  }
  const { spawn } = await import('node:child_process');
  // The channel is a lifeline: when this process dies, even by SIGKILL, the program sees it close and ends.
  // After -- words such as --env-file are not the options of Node.
  const child = spawn(node, ['--', fileURLToPath(import.meta.url), name, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => fail(name, `cannot start ${node}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

// In the checkout that this file is part of the program is bundled, and starts in a quarter of the time; where npm has installed it, it is
// modules. What somebody else's project has in a dist of its own is none of it.
function findProgram() {
  const isCheckout = new URL('.', import.meta.url).pathname.endsWith('/packages/cli/bin/');
  const places = [...(isCheckout ? ['../../../dist/caisson/main.mjs'] : []), '../dist/main/caisson.js'];
  return places.map((place) => new URL(place, import.meta.url)).find((url) => existsSync(url));
}

function isRecent(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > leastNode[0] || (major === leastNode[0] && minor >= leastNode[1]);
}

async function pinnedNode() {
  const { createRequire } = await import('node:module');
  try {
    const manifest = createRequire(import.meta.url).resolve(`node-linux-${process.arch}/package.json`);
    const node = fileURLToPath(new URL('bin/node', `file://${manifest}`));
    return existsSync(node) ? node : undefined;
  } catch {
    return undefined;
  }
}

function fail(name, message) {
  console.error(`${name}: ${message}`);
  process.exit(1);
}

// Started by itself under the pinned Node: the first word is the name.
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name] = process.argv.splice(2, 1);
  await launch(name);
}
