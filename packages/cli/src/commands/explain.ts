// `caisson explain`: a code of nitro-cli, its likeliest cause and what to do.
import { UsageError } from '../exit-code.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags {
  readonly errorCode?: string;
  readonly json?: true;
}

export const register: RegisterCommand = (program, { stdout }) => {
  program
    .command('explain [code]')
    .description('say what a code of nitro-cli (E00 to E59) comes from and what to do; all of them without a code')
    .option('--error-code <code>', 'the code, as nitro-cli has it')
    .option('--json', 'print one JSON document')
    .action(async (word: string | undefined, { errorCode, json }: Flags) => {
      const { explainNitroCode, NITRO_CODES } = await import('@caisson/host/explain');
      if (word !== undefined && errorCode !== undefined && word !== errorCode)
        throw new UsageError(`give one code, got ${word} and --error-code ${errorCode}`);
      const asked = word ?? errorCode;
      const one = asked === undefined ? undefined : explainNitroCode(asked);
      if (asked !== undefined && one === undefined) {
        const hint = /^[eE]?[0-9]{2}$/.test(asked)
          ? `a newer nitro-cli may have it: nitro-cli explain --error-code ${asked}`
          : 'Caisson’s own codes, such as BACKEND_BOOT, stand in docs/errors.md';
        throw new UsageError(
          `the codes of nitro-cli that are known here are E00 to E59, got ${JSON.stringify(asked)}`,
          hint,
        );
      }
      const codes = one === undefined ? NITRO_CODES : [one];
      if (json) {
        const facts = codes.map(({ code, name, cause, fix }) => ({ code, name, cause, fix }));
        stdout.write(`${JSON.stringify({ v: 1, codes: facts })}\n`);
        return;
      }
      for (const { code, name, cause, fix } of codes)
        stdout.write(`${code} ${name}\n  cause: ${cause}\n  fix:   ${fix}\n`);
    });
};
