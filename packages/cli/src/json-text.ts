// A JSON document on standard output, which may be a person's terminal. What an enclave, an image or somebody's process is called and has said stands in it, and
// JSON.stringify leaves as they are the controls from U+007F to U+009F, of which U+009B begins what steers a terminal, and all that reorders or hides text. As an
// escape it is the same value to every program.
import { harmlessText } from './harmless.ts';

/** Without a line end. `indent`: spaces of a level. */
export function jsonText(value: unknown, indent?: number): string {
  return harmlessText(JSON.stringify(value, undefined, indent));
}
