// Entry point of the bundled program where it is started as a script. Its launcher says which name it was called by in the first word.
import { main } from './caisson.ts';

const [first, name, ...rest] = process.argv.slice(2);
if (first === '--called-as' && name !== undefined) await main(name, rest);
else await main('caisson');
