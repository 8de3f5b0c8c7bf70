// An action whose number becomes the exit code (program.ts). commander's types know only actions that return nothing.
import type { Command } from 'commander';

export function withExitAction<Words extends readonly unknown[]>(
  command: Command,
  run: (...words: Words) => Promise<number>,
): Command {
  return command.action(run as unknown as () => Promise<void>);
}
