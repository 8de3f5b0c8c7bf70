// What examples/kms says of who asks: requests signed as in AWS's published examples, a stand-in that takes no other, and a boot config that brings
// credentials and nothing else. The whole flow is in test/deep.
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as askOverTls } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { test } from 'node:test';
import { checkAgainstSchemaText } from '@caisson/core/config';
import fc from 'fast-check';
import { SignatureRefused, verifySignature } from '../../examples/kms/check-signature.ts';
import { readCredentials } from '../../examples/kms/src/read-credentials.ts';
import { deriveSigningKey, type RequestToSign, signRequest } from '../../examples/kms/src/sign-request.ts';
import { startStandIn } from '../../examples/kms/stand-in.ts';

const folder = join(import.meta.dirname, '../../examples/kms');

// Given: the credentials, time and scope of AWS's Signature Version 4 test suite.
const published = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' };
const suite = { region: 'us-east-1', service: 'service', now: new Date('2015-08-30T12:36:00Z') };

test('requests are signed as in the published examples of Signature Version 4', () => {
  // IAM User Guide, "Create a signed AWS API request", derived signing key of 20150830/us-east-1/iam.
  const key = deriveSigningKey(published.secretAccessKey, { date: '20150830', region: 'us-east-1', service: 'iam' });
  equal(key.toString('hex'), 'c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9');
  const sessionToken =
    'AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==';
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const cases = {
    'get-vanilla': [{ method: 'GET' }, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    'post-vanilla': [{}, '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    'post-x-www-form-urlencoded': [
      { headers: form, body: 'Param1=value1' },
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
    'post-sts-header-before': [{ sessionToken }, '85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead'],
  } as const;
  for (const [name, [given, signature]] of Object.entries(cases)) {
    const {
      method,
      headers,
      body,
      sessionToken: token,
    } = { method: 'POST', headers: {}, body: '', ...given } as {
      method: string;
      headers: Record<string, string>;
      body: string;
      sessionToken?: string;
    };
    const own = { ...published, ...(token !== undefined && { sessionToken: token }) };
    const asked = { method, path: '/', headers: { host: 'example.amazonaws.com', ...headers }, body };
    const { authorization = '', ...sent } = signRequest(asked, own, suite);
    const names = Object.keys(sent).sort().join(';');
    const scope = 'AKIDEXAMPLE/20150830/us-east-1/service/aws4_request';
    equal(authorization, `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=${names}, Signature=${signature}`, name);
    equal(sent['x-amz-date'], '20150830T123600Z');
    equal(sent['x-amz-security-token'], token);
  }
});

const region = 'eu-central-1';
const now = new Date('2026-03-01T10:00:00Z');
const known = { ...published, sessionToken: 'c29tZSB0b2tlbg==' };
const plain = {
  method: 'POST',
  path: '/',
  body: '{"KeyId":"a"}',
  headers: { host: 'localhost', 'x-amz-target': 'TrentService.Decrypt', 'content-type': 'application/x-amz-json-1.1' },
};
const signed = (terms = { region, service: 'kms', now }, own = known, request = plain): RequestToSign => ({
  ...request,
  headers: signRequest(request, own, terms),
});
const refusal = (request: RequestToSign): string => {
  try {
    verifySignature(request, known, region, now);
    return '';
  } catch (error) {
    if (error instanceof SignatureRefused) return error.name;
    throw error;
  }
};

test('a request counts as signed when it is of now, of known credentials, and whole', () => {
  equal(refusal(signed()), '');
  equal(refusal(plain), 'MissingAuthenticationTokenException');
  const { 'x-amz-target': _, ...without } = plain.headers;
  const bare = { ...plain, headers: without } as typeof plain;
  equal(refusal(signed(undefined, undefined, bare)), 'IncompleteSignatureException');
  equal(refusal(signed(undefined, { ...known, accessKeyId: 'AKIDANOTHER' })), 'UnrecognizedClientException');
  equal(refusal(signed(undefined, { ...known, sessionToken: 'YW5vdGhlcg==' })), 'UnrecognizedClientException');
  const other = { ...known, secretAccessKey: 'another' };
  const wrong = [
    signed(undefined, other),
    signed({ region: 'us-east-1', service: 'kms', now }),
    ...[-301_000, 301_000].map((ms) => signed({ region, service: 'kms', now: new Date(now.getTime() + ms) })),
    { ...signed(), body: '{"KeyId":"b"}' },
    { ...signed(), path: '/other' },
    { ...signed(), method: 'GET' },
  ];
  deepEqual([...new Set(wrong.map(refusal))], ['InvalidSignatureException']);
  for (const name of ['host', 'x-amz-date', 'x-amz-target', 'x-amz-security-token', 'content-type']) {
    const { headers, ...rest } = signed();
    ok(refusal({ ...rest, headers: { ...headers, [name]: `${headers[name]}1` } }), name);
  }
  // A token that stands beside the signature and not under it.
  const { sessionToken, ...lasting } = known;
  const beside = signed(undefined, lasting as typeof known);
  const headers = { ...beside.headers, 'x-amz-security-token': sessionToken };
  equal(refusal({ ...beside, headers }), 'InvalidSignatureException');
});

test('whatever stands in the headers of a request, it is refused in order', () => {
  const good = signed().headers;
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom(...Object.values(good)),
    fc.constant('AWS4-HMAC-SHA256 Credential='),
  );
  const value = fc.array(part, { maxLength: 3 }).map((parts) => parts.join(''));
  const changed = fc.dictionary(fc.constantFrom('authorization', 'x-amz-date', 'x-amz-security-token', 'host'), value, {
    minKeys: 1,
  });
  fc.assert(
    fc.property(changed, (headers) => {
      const all: Record<string, string> = { ...good, ...headers };
      // The signer takes the blanks around a value away, and so does HTTP.
      const isSame = Object.entries(good).every(([name, word]) => all[name]?.trim() === word);
      ok(isSame || refusal({ ...plain, headers: all }) !== '');
    }),
    { seed: 20260301, numRuns: 300 },
  );
});

test('the stand-in tells who asks without a signature no more than KMS does', async (context) => {
  const kms = await startStandIn();
  context.after(() => kms.close());
  const ca = `-----BEGIN CERTIFICATE-----\n${kms.ca}\n-----END CERTIFICATE-----\n`;
  const ask = async (headers: Record<string, string>): Promise<unknown> => {
    const asked = askOverTls({
      host: '127.0.0.1',
      port: kms.port,
      servername: 'localhost',
      ca,
      method: 'POST',
      headers,
    });
    asked.end(plain.body);
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    return [answer.statusCode, await json(answer)];
  };
  deepEqual(await ask(plain.headers), [400, { __type: 'MissingAuthenticationTokenException' }]);
  const terms = { region, service: 'kms', now: new Date() };
  const stranger = { ...kms.credentials, secretAccessKey: known.secretAccessKey };
  deepEqual(await ask(signRequest(plain, stranger, terms)), [400, { __type: 'InvalidSignatureException' }]);
  // Signed well, and then the key has no policy.
  deepEqual(await ask(signRequest(plain, kms.credentials, terms)), [400, { __type: 'AccessDeniedException' }]);
  match(kms.log.join('\n'), /must be signed\n.*must be of this request\n.*no policy/s);
});

test('the boot config brings credentials and nothing else, and those that last have no session token', (context) => {
  const schema = readFileSync(join(folder, 'config-schema.json'));
  const faultsOf = (config: object): number =>
    checkAgainstSchemaText(schema, Buffer.from(JSON.stringify(config))).length;
  const lasting = { accessKeyId: 'AKIDEXAMPLEEXAMPLE', secretAccessKey: published.secretAccessKey, sessionToken: '' };
  const role = { ...lasting, sessionToken: known.sessionToken };
  for (const aws of [lasting, role]) equal(faultsOf({ aws }), 0);
  const { sessionToken: _, ...short } = lasting;
  for (const aws of [
    short,
    { ...role, host: 'kms.example' },
    { ...role, accessKeyId: '' },
    { ...role, sessionToken: 'a\r\nb: c' },
  ]) {
    ok(faultsOf({ aws }) > 0, JSON.stringify(aws));
  }
  ok(faultsOf({ aws: role, caisson: { environment: { KMS_HOST: 'kms.example' } } }) > 0);

  const place = mkdtempSync(join(tmpdir(), 'caisson-kms-'));
  context.after(() => rmSync(place, { recursive: true }));
  const file = join(place, 'config.json');
  writeFileSync(file, JSON.stringify({ aws: lasting }));
  deepEqual(readCredentials(file), short);
  writeFileSync(file, JSON.stringify({ aws: role }));
  deepEqual(readCredentials(file), role);
});
