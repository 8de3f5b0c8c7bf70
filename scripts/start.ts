// The main job of `npm start`. Today: argonaut's whole job, simulated (examples/argonaut).
import { runExample } from '../examples/argonaut/run.ts';

process.exitCode = await runExample(process.argv.slice(2));
