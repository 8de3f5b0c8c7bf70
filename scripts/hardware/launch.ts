// Starts an image by `caisson up`, to ready, and ends it by `caisson down`: what a person types, on whichever backend.
import { copyFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Caisson } from './caisson.ts';
import { runChild } from './child.ts';
import type { BuiltImage } from './image.ts';

export type HardwareBackend = 'nitro' | 'qemu' | 'sim';

export interface Launched {
  readonly name: string;
  readonly cid: number;
  /** As CAISSON_VSOCK has it. */
  readonly vsock: string;
  /** From the start of the boot. */
  readonly readyMs: number | null;
  /** Of a simulation whose documents bear a signature; null on hardware and where nobody signs. */
  readonly rootPem: string | null;
}

export interface LaunchOptions {
  readonly caisson: Caisson;
  readonly folder: string;
  readonly name: string;
  readonly image: BuiltImage;
  readonly backend: HardwareBackend;
  readonly cpus: number;
  readonly memoryMiB: number;
}

// Chosen: an emulated machine takes half a minute to ready on a busy host.
const readySeconds = 180;

export async function launch(options: LaunchOptions): Promise<Launched> {
  const { caisson, folder, name, image, backend, cpus, memoryMiB } = options;
  const spec = { name, backend, image: { eif: image.path, pcr0: image.pcrs[0] }, resources: { cpus, memoryMiB } };
  writeFileSync(composeFile(folder), JSON.stringify(spec));
  await caisson.run(['up', '-f', composeFile(folder), '--timeout', `${readySeconds}s`]);
  const { state } = await inspect(caisson, name);
  if (!state?.cid || !state.vsock) throw new Error(`${name} is up without a CID`);
  const { cid, vsock, readyMs, documents } = state;
  return { name, cid, vsock, readyMs, rootPem: documents?.kind === 'simulated' ? (documents.rootPem ?? null) : null };
}

/** Also of an enclave that came halfway; its console, where there was one, is kept as `console.log`. `caisson` must not be one that was stopped. */
export async function takeDown(
  caisson: Caisson,
  folder: string,
  name: string,
  backend: HardwareBackend,
): Promise<void> {
  if (!existsSync(composeFile(folder))) return;
  const kept = await inspect(caisson, name).catch(() => undefined);
  const consoleLog = join(kept?.folder ?? folder, 'console.log');
  if (kept !== undefined && existsSync(consoleLog)) copyFileSync(consoleLog, join(folder, 'console.log'));
  await caisson.run(['down', '-f', composeFile(folder)]);
  if (backend === 'nitro') await expectGone(caisson, name);
}

// By nitro-cli itself: what costs memory and CPUs is what it lists, whatever Caisson believes.
async function expectGone({ env }: Caisson, name: string): Promise<void> {
  const { code, stdout, stderr } = await runChild(['nitro-cli', 'describe-enclaves'], { env, deadlineMs: 30_000 });
  if (code !== 0) throw new Error(`nitro-cli describe-enclaves ended with ${code}: ${stderr.trim()}`);
  if (stdout.includes(`"${name}`)) throw new Error(`nitro-cli still lists an enclave of ${name}`);
}

function composeFile(folder: string): string {
  return join(folder, 'caisson.yaml');
}

interface Inspected {
  readonly folder: string;
  readonly state: {
    readonly cid: number | null;
    readonly vsock: string | null;
    readonly readyMs: number | null;
    readonly documents: { readonly kind: string; readonly rootPem?: string } | null;
  } | null;
}

async function inspect(caisson: Caisson, name: string): Promise<Inspected> {
  return JSON.parse(await caisson.run(['inspect', name, '--json'])) as Inspected;
}
