// argonaut's smoke path in a real enclave, with the commands that users run: the config over port 7777, the NSM by its line
// protocol, the hosts block, an echo out through 127.0.0.1:9443 -> vsock 3:8100 -> a host server, HTTP in through host
// TCP -> vsock -> 127.0.0.1:3000.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { verify, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseAttestationDocument } from '@caisson/core/attestation';
import { toHex } from '@caisson/core/bytes';
import { encodeSigStructure } from '@caisson/core/cose';
import { freePort } from '@caisson/testkit/loopback';
import { hearReport } from './hear.ts';
import { buildImage, bundleFile, whyNoBundle } from './image.ts';
import { bootEnclave, rigFile, skip as skipRig, within } from './rig.ts';

const skip = skipRig || whyNoBundle('caisson', 'caisson-enclave');

interface Seen {
  readonly config: string;
  readonly hosts: string;
  readonly answers: readonly string[];
  readonly echo: string;
  readonly requests: readonly string[];
}

test('argonaut’s smoke path holds in a real enclave', { skip, timeout: 300_000 }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-'));
  const image = await buildImage({ guest: 'argonaut', bundles: ['caisson-enclave'] });
  const upstream = await listen(createServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)));
  const httpPort = await freePort();
  const config = JSON.stringify({
    httpPort,
    httpVsockPort: 3000,
    httpTcpPort: 3000,
    endpoints: [
      { host: 'localhost', vsockPort: 8100, tcpPort: portOf(upstream), localIP: '127.0.0.1', localPort: 9443 },
    ],
    marker: 'through unchanged',
  });
  const configFile = join(folder, 'config.json');
  writeFileSync(configFile, config);

  const enclave = await bootEnclave({ image: image.file, cid: 21 });
  const report = hearReport<Seen>(enclave, 240_000);
  report.catch(() => {});
  const host = spawn(process.execPath, [bundleFile('caisson'), 'host', '21', configFile], {
    env: { CAISSON_VSOCK: `hybrid:21=${enclave.path}`, ARGONAUT_HTTP_BIND_ADDR: '127.0.0.1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [host.stdout, host.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  try {
    // The report comes last unless the enclave side failed, and then it says why.
    const early = report.then(() => 'a report before an answer');
    const first = Promise.race([untilAnswered(httpPort, '/first', host), early]);
    const inbound = await within(120_000, 'an answer through the inbound bridge', first);
    assert.equal(inbound, 'inside says /first');
    await untilAnswered(httpPort, '/last', host);
    const seen = await report;

    await context.test('1: the config arrives over port 7777, byte for byte', () => assert.equal(seen.config, config));
    await context.test('2: nsm answers RND and ATT in order, with a document that the rig’s root vouches for', () => {
      assert.equal(seen.answers.length, 3);
      assert.match(seen.answers[0]!, /^1 OK [0-9a-f]{512}$/);
      assert.match(seen.answers[2]!, /^\{"id":"3","ok":true,"data":"[0-9a-f]{512}"\}$/);
      const [, document = ''] = /^2 OK ([0-9a-f]+)$/.exec(seen.answers[1]!) ?? [];
      const { cose, payload } = parseAttestationDocument(Buffer.from(document, 'hex'));
      assert.equal(Buffer.from(payload.publicKey!).toString(), 'key');
      assert.equal(Buffer.from(payload.nonce!).toString(), 'nonce');
      assert.equal(Buffer.from(payload.userData!).toString(), 'data');
      assert.equal(toHex(payload.pcrs.get(0)!), toHex(image.measurements.pcr0));
      const chain = [...payload.cabundle, payload.certificate].map((der) => new X509Certificate(der));
      assert.equal(chain[0]!.fingerprint256, new X509Certificate(readFileSync(rigFile('pki/root.crt'))).fingerprint256);
      for (const [index, issuer] of chain.slice(0, -1).entries()) assert.ok(chain[index + 1]!.verify(issuer.publicKey));
      const key = { key: chain.at(-1)!.publicKey, dsaEncoding: 'ieee-p1363' } as const;
      assert.ok(verify('sha384', encodeSigStructure(cose), key, cose.signature));
    });
    await context.test('3: the hosts block names the endpoint', () => {
      assert.match(
        seen.hosts,
        /^127\.0\.0\.1 {3}localhost\n\n# argonaut begin\n127\.0\.0\.1 {3}localhost\n# argonaut end\n$/,
      );
    });
    await context.test('4: bytes go out to a server on the host and come back', () => {
      assert.equal(seen.echo, 'hello from inside');
    });
    await context.test('5: HTTP comes in from the host’s TCP port', () => {
      assert.ok(seen.requests.includes('/first') && seen.requests.includes('/last'));
    });
    assert.equal(await enclave.exit, 0);
  } catch (error) {
    if (error instanceof Error) error.message += `\ncaisson host said:\n${said}\nconsole:\n${enclave.console()}`;
    throw error;
  } finally {
    host.kill('SIGTERM');
    if (host.exitCode === null && host.signalCode === null) await once(host, 'close');
    await enclave.close();
    await new Promise((resolve) => upstream.close(resolve));
    image.remove();
    rmSync(folder, { recursive: true });
  }
});

/** Gives up with the host, also where that was killed: whoever asks for ever keeps a failed test from its end. */
async function untilAnswered(
  port: number,
  path: string,
  host: Pick<ChildProcess, 'exitCode' | 'signalCode'>,
): Promise<string> {
  for (;;) {
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(30_000) });
      return await response.text();
    } catch (error) {
      const end = host.exitCode ?? host.signalCode;
      if (end !== null) throw new Error(`caisson host ended with ${end}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

async function listen(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}
