// Inside: argonaut's enclave side as its users run it, `config recv` and `enclave` as processes of their own. Resolves with the config once it has come.
import { spawn } from 'node:child_process';

export async function startBridges() {
  const config = await received();
  const bridges = spawn('/usr/bin/argonaut', ['enclave'], { stdio: ['pipe', 'inherit', 'inherit'] });
  bridges.stdin.end(config);
  // A service without its bridges is of no use, and its end is seen outside.
  bridges.on('close', (code) => process.exit(code ?? 1));
  return config;
}

async function received() {
  const receiver = spawn('/usr/bin/argonaut', ['config', 'recv', '7777'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = new Promise((resolve) => receiver.once('close', resolve));
  const pieces = [];
  for await (const bytes of receiver.stdout) pieces.push(bytes);
  const code = await ended;
  if (code !== 0) throw new Error(`config recv ended with ${code}`);
  return Buffer.concat(pieces);
}
