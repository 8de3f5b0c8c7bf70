// Which form a boot config is sent in, where a person wants to say it.
import type { ConfigForm } from '@caisson/link/config';
import type { Command } from 'commander';
import { UsageError } from './exit-code.ts';

export interface ConfigFormFlags {
  readonly raw?: true;
  readonly framed?: true;
}

export function withConfigForm(command: Command): Command {
  return command
    .option('--framed', 'only with a reply (port 7778); default: that where it is open, else raw')
    .option('--raw', 'only raw (port 7777), which has no reply');
}

/** undefined: whichever the enclave offers. */
export function configFormOf({ raw, framed }: ConfigFormFlags): ConfigForm | undefined {
  if (raw && framed) throw new UsageError('give either --raw or --framed');
  return raw ? 'raw' : framed ? 'framed' : undefined;
}
