// Where the modules of this run are kept stripped and compiled, for a program that a test gives an environment of its own: without it each such process
// strips some hundred modules of their types again.
const folder = process.env['NODE_COMPILE_CACHE'];

/** To be spread into an environment; nothing where this run keeps none. */
export const compileCache: Readonly<Record<string, string>> =
  folder === undefined ? {} : { NODE_COMPILE_CACHE: folder };
