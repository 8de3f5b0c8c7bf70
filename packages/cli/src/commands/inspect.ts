// `caisson inspect`: everything that this host knows of one enclave, none of which is proof.
import { openEngine } from '../engine-session.ts';
import { inspectFacts, inspectLines } from '../inspect-report.ts';
import { jsonText } from '../json-text.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  program
    .command('inspect <name>')
    .description('show what this host knows of an enclave: what was asked for, what is so, image, ports, policy')
    .option('--json', 'print one JSON document')
    .action(async (name: string, { json }: { readonly json?: true }) => {
      const result = await (await openEngine(surroundings)).execute({ verb: 'inspect', name });
      const { stdout } = surroundings;
      stdout.write(
        json
          ? `${jsonText(inspectFacts(result))}\n`
          : inspectLines(result)
              .map((line) => `${line}\n`)
              .join(''),
      );
    });
};
