// A web service that happens to run in an enclave: plain node:http on loopback. Two things know where they are: the page, which says what can be seen
// from in here, and the attestation endpoint, by which somebody outside can find out whether it is true.
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { attest } from './attest.mjs';

const page = readFileSync(new URL('page.html', import.meta.url), 'utf8');
const security = {
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
  'x-content-type-options': 'nosniff',
};
let visits = 0;

createServer(async (request, response) => {
  try {
    const url = new URL(request.url, 'http://enclave');
    if (request.method !== 'GET') return answer(response, 405, 'text/plain', 'only GET\n');
    if (url.pathname === '/') return answer(response, 200, 'text/html; charset=utf-8', renderPage(), security);
    if (url.pathname === '/.well-known/attestation') return await giveDocument(url, response);
    answer(response, 404, 'text/plain', 'nothing here\n');
  } catch (error) {
    console.error(error.message);
    answer(response, 500, 'text/plain', 'it failed\n');
  }
}).listen(3000, '127.0.0.1', () => console.log('listening on 127.0.0.1:3000'));

// docs/attest.md: GET ?nonce=HEX of 16 to 64 bytes, 429 over 20 a second. A document is for everybody, so pages of any origin may ask.
async function giveDocument(url, response) {
  const open = { 'access-control-allow-origin': '*', 'cache-control': 'no-store' };
  const nonce = url.searchParams.get('nonce') ?? '';
  if (!/^([0-9a-fA-F]{2}){16,64}$/.test(nonce)) {
    return answer(response, 400, 'text/plain', 'nonce must be 16 to 64 bytes in hex\n', open);
  }
  if (!mayAsk()) return answer(response, 429, 'text/plain', 'at most 20 a second\n', open);
  // No TLS ends in this enclave, so the document names no TLS key.
  const document = await attest({ purpose: 'caisson-web/1', nonce, tlsKeySha256: null });
  answer(response, 200, 'application/cbor', document, open);
}

let tokens = 20;
let refilledAt = performance.now();
function mayAsk() {
  const now = performance.now();
  tokens = Math.min(20, tokens + ((now - refilledAt) / 1000) * 20);
  refilledAt = now;
  if (tokens < 1) return false;
  tokens -= 1;
  return true;
}

function renderPage() {
  visits += 1;
  const facts = {
    interfaces: Object.keys(networkInterfaces()).join(', '),
    processes: String(readdirSync('/proc').filter((name) => /^\d+$/.test(name)).length),
    user: String(process.getuid()),
    node: process.version,
    visits: String(visits),
  };
  return page.replace(/\{\{(\w+)\}\}/g, (_, name) => facts[name] ?? '');
}

function answer(response, status, type, body, headers = {}) {
  response.writeHead(status, { 'content-type': type, ...headers }).end(body);
}
