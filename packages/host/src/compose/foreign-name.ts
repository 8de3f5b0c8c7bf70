// Names of enclaves from files of other tools, which take any: ours are also names of folders and in messages, so they have a form
// (docs/wire/state.md).
import { NAME_FORM } from '@caisson/core/address';

export type NameReading = { readonly name: string; readonly note?: string } | { readonly message: string };

export function readForeignName(text: string): NameReading {
  const name = text.toLowerCase().replace(/[_.\s]+/g, '-');
  if (!NAME_FORM.test(name)) {
    return { message: `must be 1 to 63 of a-z, 0-9, - and _, beginning with a letter, got ${JSON.stringify(text)}` };
  }
  return name === text ? { name } : { name, note: `enclave ${JSON.stringify(text)} is called ${name} here` };
}
