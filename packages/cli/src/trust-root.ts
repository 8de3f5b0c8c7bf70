// Root certificates that a person names on the command line: PEM files of one certificate each.
import { parsePem } from '@caisson/core/x509';

// Chosen: room for comments around one certificate.
const maxRootBytes = 16_384;

/** DER of each, or undefined when none was named. Throws errors of the ARGONAUT (reading) and X509 rooms. */
export async function readRoots(files: readonly string[] | undefined): Promise<readonly Uint8Array[] | undefined> {
  if (files === undefined) return undefined;
  const { readBoundedFile } = await import('@caisson/link/argonaut');
  return Promise.all(
    files.map(async (file) => {
      const bytes = await readBoundedFile(file, { maxBytes: maxRootBytes, what: `root ${file}` });
      return parsePem('CERTIFICATE', new TextDecoder().decode(bytes));
    }),
  );
}
