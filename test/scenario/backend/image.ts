// Images for the contract of backends: hello, made by `caisson build` itself, and three of a few hundred kilobytes.
import { equal } from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensureRuntime } from '@caisson/host/runtime';
import { type BackendImages, emulatedCmdline, writeProbeImage } from '@caisson/testkit/backend';
import { pid1Built } from '@caisson/testkit/pid1';
import { hear } from '@caisson/testkit/program';
import { run } from '../../../packages/cli/src/run.ts';

const root = join(import.meta.dirname, '../../..');
const built = ['caisson-init', 'caisson-init-probe', 'caisson-sim'].map((name) => join(pid1Built, name));
const bundles = ['caisson-enclave.mjs', 'caisson-enclave-development.mjs'].map((name) => join(root, 'dist', name));
const missing = [...built, ...bundles].find((path) => !existsSync(path));
const runtime = missing === undefined ? await ensureRuntime().catch((error: Error) => error) : undefined;

/** For the `skip` of a test: why no image can be made here. */
export const imageSkip: string | false =
  missing !== undefined
    ? `no ${missing} (npm run build, with a C compiler)`
    : runtime instanceof Error && `no runtime archive (${runtime.message})`;

const service = `
const { spawn } = require('node:child_process');
require('node:http').createServer((ask, answer) => {
  if (!ask.url.startsWith('/document?')) return answer.end('hello from inside');
  const nsm = spawn('caisson-enclave', ['nsm']);
  nsm.stdout.pipe(answer);
  nsm.stdin.end(JSON.stringify({ id: '1', method: 'ATT', publicKey: '01', nonce: ask.url.slice(10) }) + '\\n');
}).listen(8080, '127.0.0.1');
`;

/** Into a folder that exists. Without `kernel` they boot where no kernel is looked at. */
export async function makeImages(folder: string, kernel?: string): Promise<BackendImages> {
  const at = (name: string): string => join(folder, name);
  const kernelPath = kernel ?? at('bzImage');
  if (kernel === undefined) writeFileSync(kernelPath, 'a kernel of few words');
  const probe = (name: string, words?: readonly string[]): Promise<void> =>
    writeProbeImage({ path: at(`${name}.eif`), kernel: kernelPath, words });
  await Promise.all([probe('exits', ['exit', '7']), probe('waits', ['signal']), probe('broken')]);
  await buildFolder(at('hello'), kernelPath, {
    'main.js': service,
    'caisson.yaml': 'name: hello\ningress: ["9000:8080"]\nservices: { app: "ReadyPort = 8080" }\n',
  });
  return { hello: at('hello.eif'), exits: at('exits.eif'), waits: at('waits.eif'), broken: at('broken.eif') };
}

/** `caisson build` of a new folder with these files; the image lies beside it, `FOLDER.eif`. */
export async function buildFolder(
  folder: string,
  kernel: string,
  files: Readonly<Record<string, string>>,
  env: NodeJS.ProcessEnv = process.env,
): Promise<string> {
  mkdirSync(folder);
  for (const [path, text] of Object.entries({ 'package.json': '{"main":"main.js"}', ...files }))
    writeFileSync(join(folder, path), text);
  const { code, err } = await hear(
    run,
    ['build', folder, '-o', `${folder}.eif`, '--kernel', kernel, '--cmdline', emulatedCmdline],
    { env },
  );
  equal(code, 0, err);
  return `${folder}.eif`;
}
