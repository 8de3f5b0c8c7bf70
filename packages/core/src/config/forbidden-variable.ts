// Names of environment variables that no config, exec or job may set, whatever an allow-list says (docs/boot-config.md, P-C4). Each steers a loader,
// a runtime, a shell or this house itself: whoever sets it runs his own code, or hands the enclave another wall.

// Given: docs/boot-config.md.
const prefixes = ['LD_', 'NODE_', 'OPENSSL_', 'SSL_', 'GLIBC_', 'MALLOC_', 'CAISSON_', 'ARGONAUT_', 'INIT_'];
const names = ['BASH_ENV', 'ENV', 'PATH', 'HOME'];
// Chosen, of the same kinds: OpenSSL writes every session key to the file that the first names, glibc loads code by the second.
const moreNames = ['SSLKEYLOGFILE', 'GCONV_PATH'];
// Chosen, as every shell reads it: what is no name could carry another assignment.
const nameForm = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** In any case: a program that reads its environment by folded names must not find `ld_preload`. */
export function isForbiddenVariable(name: string): boolean {
  const folded = name.toUpperCase();
  return [...names, ...moreNames].includes(folded) || prefixes.some((prefix) => folded.startsWith(prefix));
}

/** Letters, digits and underscores, at most 128, not beginning with a digit. */
export function isVariableName(name: string): boolean {
  return nameForm.test(name);
}
