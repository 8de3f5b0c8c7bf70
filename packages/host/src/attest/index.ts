// Asking an enclave over TLS, with the key that the connection proved.
export type { TlsGetterOptions } from './tls-getter.ts';
export { createTlsGetter } from './tls-getter.ts';
