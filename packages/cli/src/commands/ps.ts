// `caisson ps`: the enclaves of this host.
import { openEnclaveSource } from '../enclave-source.ts';
import { jsonText } from '../json-text.ts';
import type { RegisterCommand } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  program
    .command('ps')
    .description('list the enclaves of this host')
    .option('-a, --all', 'those that have ended, too')
    .option('--json', 'print one JSON document')
    .action(async ({ all, json }: { readonly all?: true; readonly json?: true }) => {
      const { stdout, stderr } = surroundings;
      const { inOrder, isShown, psFacts, psNotes, psTable } = await import('../ps-report.ts');
      const records = inOrder(await (await openEnclaveSource(surroundings)).list());
      const shown = all ? records : records.filter(isShown);
      if (json) {
        stdout.write(`${jsonText({ v: 1, enclaves: shown.map(psFacts) })}\n`);
        return;
      }
      // Undefined away from a terminal, where nobody looks at the width.
      stdout.write(psTable(shown, Date.now(), (stdout as { columns?: number }).columns));
      if (records.length === 0) stderr.write('no enclaves; caisson up and caisson run start one\n');
      for (const line of psNotes(shown, records.length - shown.length)) stderr.write(`${line}\n`);
    });
};
