// `caisson __names`: the names of enclaves, for the scripts of `caisson completion`.
import type { RegisterCommand } from '../surroundings.ts';

export const register: RegisterCommand = (program, surroundings) => {
  program.command('__names', { hidden: true }).action(async () => {
    const { stateFolder } = await import('@caisson/host/file');
    const { listRecords } = await import('@caisson/host/record');
    // What cannot be read is no reason for words in the middle of somebody's typing.
    const records = await listRecords(stateFolder(surroundings.env)).catch(() => []);
    for (const { name } of records) surroundings.stdout.write(`${name}\n`);
  });
};
