// The main job of `npm start`: examples/hello, simulated, proven and served.
import { runHello } from '../examples/hello/run.ts';

process.exitCode = await runHello(process.argv.slice(2));
