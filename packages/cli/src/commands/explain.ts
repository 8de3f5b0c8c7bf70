// `caisson explain`: a code of nitro-cli or one of our own, its likeliest cause and what to do.
import { UsageError } from '../exit-code.ts';
import type { RegisterCommand } from '../surroundings.ts';

interface Flags {
  readonly errorCode?: string;
  readonly json?: true;
}

export const register: RegisterCommand = (program, { stdout }) => {
  program
    .command('explain [code]')
    .description(
      'say what a code of nitro-cli (E00 to E59; all without a code) or of Caisson (SHIM_LOST) comes from and what to do',
    )
    .option('--error-code <code>', 'the code, as nitro-cli has it')
    .option('--json', 'print one JSON document')
    .action(async (word: string | undefined, { errorCode, json }: Flags) => {
      const { explainCaissonCode, explainNitroCode, NITRO_CODES } = await import('@caisson/host/explain');
      if (word !== undefined && errorCode !== undefined && word !== errorCode)
        throw new UsageError(`give one code, got ${word} and --error-code ${errorCode}`);
      const asked = word ?? errorCode;
      const one = asked === undefined ? undefined : (explainNitroCode(asked) ?? explainCaissonCode(asked));
      if (asked !== undefined && one === undefined) {
        const hint = /^[eE]?[0-9]{2}$/.test(asked)
          ? `a newer nitro-cli may have it: nitro-cli explain --error-code ${asked}`
          : 'docs/errors.md lists Caisson’s own, such as BACKEND_BOOT';
        throw new UsageError(
          `code must be one of nitro-cli, E00 to E59, or of Caisson, got ${JSON.stringify(asked)}`,
          hint,
        );
      }
      const codes: readonly { code: string; name?: string; cause: string; fix: string }[] =
        one === undefined ? NITRO_CODES : [one];
      if (json) {
        const facts = codes.map(({ code, name = null, cause, fix }) => ({ code, name, cause, fix }));
        stdout.write(`${JSON.stringify({ v: 1, codes: facts })}\n`);
        return;
      }
      for (const { code, name, cause, fix } of codes)
        stdout.write(`${name === undefined ? code : `${code} ${name}`}\n  cause: ${cause}\n  fix:   ${fix}\n`);
    });
};
