// Serves the verifier page from this machine's side: whoever is to be judged must not serve the judge. What the enclave must be comes with it, from
// the image that was built here; the browser asks the enclave itself.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { PolicySource } from '@caisson/verify/policy';

export interface VerifierOptions {
  /** 0: a port of the kernel's choice. */
  readonly port: number;
  /** The enclave's, http://127.0.0.1:PORT/.well-known/attestation. */
  readonly endpoint: string;
  readonly policy: PolicySource;
}

export interface VerifierPage {
  readonly url: string;
  close(): Promise<void>;
}

const bundle = join(import.meta.dirname, '../../../dist/caisson-verify.js');

/** Listens on 127.0.0.1. Rejects as net.Server.listen does. */
export async function serveVerifier({ port, endpoint, policy }: VerifierOptions): Promise<VerifierPage> {
  const file = (name: string): Buffer => readFileSync(join(import.meta.dirname, name));
  const pages: Readonly<Record<string, readonly [type: string, body: Buffer | string]>> = {
    '/': ['text/html; charset=utf-8', file('index.html')],
    '/style.css': ['text/css; charset=utf-8', file('style.css')],
    '/page.js': ['text/javascript; charset=utf-8', file('page.js')],
    '/caisson-verify.js': ['text/javascript; charset=utf-8', readFileSync(bundle)],
    '/expected.json': ['application/json', JSON.stringify({ endpoint, policy })],
  };
  const headers = {
    'content-security-policy': `default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self' ${new URL(endpoint).origin}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
  };
  const server = createServer(({ method, url = '' }, response) => {
    const [type, body] = (method === 'GET' && Object.hasOwn(pages, url) && pages[url]) || [];
    if (type === undefined) response.writeHead(404, headers).end();
    else response.writeHead(200, { 'content-type': type, ...headers }).end(body);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
