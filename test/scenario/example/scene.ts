// An example as its user has it: built from its own caisson.yaml, started in the simulator, reached through its ingress, judged by its measurements.
import { equal } from 'node:assert/strict';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Cid, toVsockPort } from '@caisson/core/address';
import type { RunningEnclave } from '@caisson/host/backend';
import { createSimBackend } from '@caisson/host/backend-sim';
import { sendBootConfig } from '@caisson/host/boot-config';
import { waitUntilReady } from '@caisson/host/ready';
import { DEFAULT_BRIDGE_LIMITS, openBridge } from '@caisson/link/bridge';
import type { Transport } from '@caisson/link/transport';
import { createLinuxKernel } from '@caisson/sys';
import { hear } from '@caisson/testkit/program';
import { checkPolicy } from '@caisson/verify/policy';
import { run } from '../../../packages/cli/src/run.ts';
import { simulatorSkip } from '../backend/simulator-skip.ts';

const root = join(import.meta.dirname, '../../..');

const bundled = join(root, 'examples/signing/app/main.mjs');

/** For the examples that are bundled. */
export const bundledSkip: string | false = simulatorSkip || (!existsSync(bundled) && `no ${bundled} (npm run build)`);

export interface RunningExample {
  readonly enclave: RunningEnclave;
  readonly cid: Cid;
  readonly transport: Transport;
  /** What its client holds it to. */
  readonly policy: ReturnType<typeof checkPolicy>;
  /** http://127.0.0.1:PORT of each ingress port inside. */
  url(port: number): string;
}

export interface ExampleTerms {
  /** Those of its `ingress`, inside. */
  readonly ports?: readonly number[];
  readonly env?: Record<string, string>;
  /** Its boot config. */
  readonly config?: object;
}

/** Needs a build. */
export async function startExample(
  context: TestContext,
  name: string,
  { ports = [], env = {}, config: content }: ExampleTerms = {},
): Promise<RunningExample> {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-ex-'));
  chmodSync(folder, 0o711);
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const kernel = join(folder, 'kernel');
  writeFileSync(kernel, 'no kernel: a simulation never looks at it\n');
  const image = join(folder, 'image.eif');
  const config = join(root, 'examples', name, 'caisson.yaml');
  const own = { ...process.env, XDG_CONFIG_HOME: join(folder, 'config'), ...env };
  await caisson(['build', '--config', config, '-o', image, '--kernel', kernel], own);

  const backend = createSimBackend({ state: join(folder, 'state'), wish: process.env['CAISSON_SIM'] });
  const enclave = await backend.start({ name, image, memoryMiB: 512, cpus: { count: 1 } });
  context.after(() => enclave.kill());
  const { cid, transport, measurements, documents } = enclave;
  if (content !== undefined) {
    await sendBootConfig({
      transport,
      cid,
      bytes: Buffer.from(JSON.stringify(content)),
      say: () => {},
      form: 'framed',
      timeoutMs: 30_000,
      retry: true,
      signal: context.signal,
    });
  }
  await waitUntilReady({ cid, transport, deadlineMs: 30_000, intervalMs: 25 }).catch((error) => {
    throw new Error(`${error.message}\n${enclave.console.tail(60)}`);
  });
  const urls = new Map<number, string>();
  for (const port of ports) {
    const rule = {
      name: `ingress-${port}`,
      limits: DEFAULT_BRIDGE_LIMITS,
      listen: { kind: 'tcp', host: '127.0.0.1', port: 0 } as const,
      dial: { kind: 'vsock', cid, port: toVsockPort(port) } as const,
    };
    const bridge = await openBridge(rule, { transport, kernel: createLinuxKernel() });
    context.after(() => bridge.drain(0));
    if (bridge.address.kind === 'tcp') urls.set(port, `http://127.0.0.1:${bridge.address.port}`);
  }
  equal(documents.kind, 'simulated');
  const { PCR0, PCR1, PCR2 } = measurements;
  const policy = checkPolicy({
    backend: 'sim',
    pcrs: { 0: PCR0, 1: PCR1, 2: PCR2 },
    allowDevelopment: true,
    roots: [documents.kind === 'simulated' ? documents.rootPem : ''],
  });
  return { enclave, cid, transport, policy, url: (port) => urls.get(port)! };
}

export async function caisson(words: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const { code, out, err } = await hear(run, words, { env });
  equal(code, 0, `${out}\n${err}`);
  return out;
}
