// `app.eif.json`: what an image is and what it was made of. Whoever has it and the same inputs can make the same bytes again, and
// whoever has only it can say which file of an image is not what it was (docs/wire/manifest.md).
import { toHex } from '@caisson/core/bytes';
import type { ImageComponent } from '@caisson/core/measured';
import type { Toolchain, ToolchainPart } from '../runtime/index.ts';
import type { BuildInput, BuildPlan } from './plan.ts';
import type { ManifestFile } from './ramdisk.ts';
import type { BuildSettings } from './settings.ts';
import type { WrittenEif } from './write-eif.ts';

export interface ManifestInput {
  /** `kernel`, `init`, `launcher`, `addon`, `enclave`, `runtime`, `nsm.ko`, or of the source: a layer, an index, a configuration. */
  readonly name: string;
  readonly origin: 'ledger' | 'local' | 'given' | 'source';
  readonly size: number;
  /** `sha384:HEX` or `sha256:HEX`. */
  readonly digest: string;
}

export interface Manifest {
  readonly v: 1;
  readonly builder: { readonly name: 'caisson'; readonly version: string };
  /** `local`: parts that the builder's own tree compiled; the same bytes come only from the same compiler. */
  readonly toolchain: 'ledger' | 'local';
  /** PCR8: of a signed image. */
  readonly measurements: {
    readonly PCR0: string;
    readonly PCR1: string;
    readonly PCR2: string;
    readonly PCR8?: string;
  };
  readonly signed: boolean;
  readonly size: number;
  readonly sections: readonly { readonly kind: string; readonly size: number; readonly sha384: string }[];
  readonly cmdline: string;
  readonly command: readonly string[];
  readonly components: readonly ImageComponent[];
  readonly source: {
    readonly kind: string;
    readonly commit: string | null;
    /** Whether files of the source differed from the commit; null without one. */
    readonly dirty: boolean | null;
  };
  readonly settings: BuildSettings;
  readonly inputs: readonly ManifestInput[];
  readonly files: readonly ManifestFile[];
}

export interface ManifestFacts {
  readonly plan: BuildPlan;
  readonly written: WrittenEif;
  readonly pcr8: string | undefined;
  readonly cmdline: string;
  readonly command: readonly string[];
  readonly components: readonly ImageComponent[];
  readonly files: readonly ManifestFile[];
}

export function createManifest(facts: ManifestFacts): Manifest {
  const { plan, written, pcr8, cmdline, command, components, files } = facts;
  const { pcr0, pcr1, pcr2 } = written.measurements;
  return {
    v: 1,
    builder: { name: 'caisson', version: plan.builderVersion },
    toolchain: toolchainOf(plan),
    measurements: {
      PCR0: toHex(pcr0),
      PCR1: toHex(pcr1),
      PCR2: toHex(pcr2),
      ...(pcr8 !== undefined && { PCR8: pcr8 }),
    },
    signed: pcr8 !== undefined,
    size: written.size,
    sections: written.sections.map(({ kind, size, sha384 }) => ({ kind, size, sha384: toHex(sha384) })),
    cmdline,
    command,
    components,
    source: {
      kind: plan.source.kind,
      commit: plan.commit?.commit ?? null,
      dirty: plan.commit?.isDirty ?? null,
    },
    settings: plan.settings,
    inputs: inputsOf(plan),
    files,
  };
}

/** Whether every part of Caisson's own, where one is in the image, is the ledger's. */
export function toolchainOf({ toolchain, runtime, settings }: BuildPlan): 'ledger' | 'local' {
  const parts = [toolchain.init, ...(settings.init === 'caisson' ? supervisedParts(toolchain) : [])];
  return [...parts, ...(runtime === null ? [] : [runtime])].every(({ origin }) => origin === 'ledger')
    ? 'ledger'
    : 'local';
}

function inputsOf({ kernel, toolchain, runtime, settings, source }: BuildPlan): ManifestInput[] {
  const input = ({ name, origin, size, sha384 }: Omit<BuildInput, 'sha256'>, as = name): ManifestInput => ({
    name: as,
    origin,
    size,
    digest: `sha384:${sha384}`,
  });
  return [
    input(kernel, 'kernel'),
    ...(kernel.nsmModule === null ? [] : [input(kernel.nsmModule, 'nsm.ko')]),
    input(toolchain.init),
    ...(settings.init === 'caisson' ? supervisedParts(toolchain).map((part) => input(part)) : []),
    ...(runtime === null ? [] : [input(runtime, 'runtime')]),
    ...source.inputs.map(({ name, size, digest }) => ({ name, origin: 'source' as const, size, digest })),
  ];
}

function supervisedParts({ launcher, addon, enclave }: Toolchain): ToolchainPart[] {
  return [launcher, addon, enclave];
}

/** One document, the same bytes for the same image. */
export function formatManifest(manifest: Manifest): string {
  const { files, ...head } = manifest;
  // A line for each file: a listing that people can search and compare.
  const lines = files.map((file) => `  ${JSON.stringify(file)}`).join(',\n');
  return `${JSON.stringify(head, null, 1).slice(0, -2)},\n "files": [\n${lines}\n ]\n}\n`;
}
