// What a person should know about an image that can be built all the same.
import type { ImageCommand } from './command.ts';
import { describeDevelopment } from './describe-development.ts';
import { toolchainOf } from './manifest.ts';
import type { BuildPlan } from './plan.ts';

export interface BuildWarning {
  readonly text: string;
  readonly hint?: string;
}

export function warnOf(plan: BuildPlan, { argv, missing, workingDirectory, user }: ImageCommand): BuildWarning[] {
  const { settings } = plan;
  const warnings: BuildWarning[] = [];
  const warn = (text: string, hint?: string): void => void warnings.push({ text, ...(hint !== undefined && { hint }) });
  if (argv.length === 0) {
    warn(
      `the image has no command (${missing ?? 'none was given'}); it cannot be run as it is`,
      'set cmd in caisson.yaml, give -- COMMAND, or add a service file',
    );
  }
  if (settings.init === 'plain') {
    const lost = [
      ...(workingDirectory === '/' ? [] : [`folder ${workingDirectory}`]),
      ...(user === null ? [] : [`user ${user}`]),
    ];
    if (lost.length > 0) {
      warn(`init: plain starts the command in / as root: ${lost.join(' and ')} of the source not applied`);
    }
  } else if (settings.profile === 'production') {
    if (settings.config.expect !== 'none' && settings.config.unsigned === 'accept') {
      warn(
        'a production image that takes an unsigned config is configured by whoever has the parent',
        'set policy.config.keys and leave unsigned at refuse',
      );
    }
  }
  if (settings.profile === 'development') {
    warn(`a development image ${describeDevelopment(settings)}`, 'never give it a secret');
  }
  if (toolchainOf(plan) === 'local') {
    warn(
      'the image holds parts that this tree compiled (toolchain: local)',
      'a packed program has parts of the ledger, which anyone can make again',
    );
  }
  return warnings;
}
