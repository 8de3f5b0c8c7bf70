// A kernel's .config, or a fragment of one, as a value: names without CONFIG_, values as Kconfig writes them. A line that is neither
// an option nor a comment is a fault with its number, because what is skipped silently was perhaps meant.
import { ParseError } from '@caisson/core/errors';
import type { KernelErrorCode } from './error-code.ts';

export interface KernelConfig {
  /** `6.12.95` of the header that Kconfig writes; null in a fragment. */
  readonly version: string | null;
  /** `y`, `m`, `n` (also for "is not set"), a number, or a string in its quotes. An option that is not named is not in it. */
  readonly options: ReadonlyMap<string, string>;
}

// Given: scripts/kconfig/confdata.c, what it writes.
const assigned = /^CONFIG_([A-Za-z0-9_]+)=([ymn]|-?\d+|0[xX][0-9A-Fa-f]+|"(?:[^"\\]|\\.)*")$/;
const unset = /^# CONFIG_([A-Za-z0-9_]+) is not set$/;
const header = /^# Linux\/\S+ (\d+\.\d+(?:\.\d+)?)\S* Kernel Configuration$/;
// Chosen: a distribution's has 300 KB and 12,000 options.
export const MAX_KERNEL_CONFIG_BYTES = 4_194_304;
const maxShownCharacters = 60;

/** The last of two assignments counts, as for Kconfig. Throws ParseError KERNEL_CONFIG. */
export function parseKernelConfig(text: string, what: string): KernelConfig {
  if (text.length > MAX_KERNEL_CONFIG_BYTES) {
    throw fault(what, `must have at most ${MAX_KERNEL_CONFIG_BYTES} bytes, got ${text.length}`);
  }
  const options = new Map<string, string>();
  let version: string | null = null;
  text.split('\n').forEach((raw, index) => {
    const line = raw.trimEnd();
    const [, name, value = 'n'] = assigned.exec(line) ?? unset.exec(line) ?? [];
    if (name !== undefined) {
      options.set(name, value);
      return;
    }
    version ??= header.exec(line)?.[1] ?? null;
    if (line === '' || line.startsWith('#')) return;
    const shown = JSON.stringify(line.slice(0, maxShownCharacters));
    throw fault(what, `line ${index + 1} must be CONFIG_NAME=VALUE or a comment, got ${shown}`);
  });
  return { version, options };
}

/** The value of an option; `n` where nothing is said of it. */
export function optionOf({ options }: KernelConfig, name: string): string {
  return options.get(name) ?? 'n';
}

function fault(what: string, text: string): ParseError<KernelErrorCode> {
  return new ParseError('KERNEL_CONFIG', `kernel configuration ${what}: ${text}`);
}
