// AWS Signature Version 4 for requests as KMS takes them: one path that needs no escaping, and no query. Section numbers are those of
// "Create a signed AWS API request" in AWS's IAM User Guide. The signature says who asks. It is no proof of what asks: that is the document's part.
import { createHash, createHmac } from 'node:crypto';

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of credentials that run out, as those of a role do. */
  readonly sessionToken?: string;
}

/** Whose requests a signing key is good for. `date` is YYYYMMDD. */
export interface Scope {
  readonly date: string;
  readonly region: string;
  readonly service: string;
}

export interface RequestToSign {
  readonly method: string;
  readonly path: string;
  /** By their names in small letters. All of them are signed; `host` must be there. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

// Given.
const algorithm = 'AWS4-HMAC-SHA256';

/** The headers of `request` with those that are added, `authorization` last. */
export function signRequest(
  request: RequestToSign,
  credentials: Credentials,
  { region, service, now }: { readonly region: string; readonly service: string; readonly now: Date },
): Record<string, string> {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const time = now.toISOString().replace(/[-:]|\.\d{3}/g, '');
  const scope = { date: time.slice(0, 8), region, service };
  const headers = {
    ...request.headers,
    'x-amz-date': time,
    ...(sessionToken !== undefined && { 'x-amz-security-token': sessionToken }),
  };
  const signature = computeSignature({ ...request, headers }, secretAccessKey, scope);
  const signed = Object.keys(headers).sort().join(';');
  const authorization = `${algorithm} Credential=${accessKeyId}/${formatScope(scope)}, SignedHeaders=${signed}, Signature=${signature}`;
  return { ...headers, authorization };
}

/** Steps 1 to 4, in hex. Every header of `request` is taken as signed; `x-amz-date` must be one of them. */
export function computeSignature(request: RequestToSign, secretAccessKey: string, scope: Scope): string {
  const { method, path, headers, body } = request;
  const names = Object.keys(headers).sort();
  // Step 1: values without blanks around them, and with one where there are several.
  const lines = names.map((name) => `${name}:${headers[name]!.trim().replace(/ +/g, ' ')}\n`);
  const canonical = [method, path, '', lines.join(''), names.join(';'), sha256(body)].join('\n');
  // Steps 2 and 3.
  const toSign = [algorithm, headers['x-amz-date'], formatScope(scope), sha256(canonical)].join('\n');
  return createHmac('sha256', deriveSigningKey(secretAccessKey, scope)).update(toSign).digest('hex');
}

/** Step 4: a key for one day, region and service, so that what leaks of it is worth no more. */
export function deriveSigningKey(secretAccessKey: string, { date, region, service }: Scope): Buffer {
  return [date, region, service, 'aws4_request'].reduce<Buffer>(
    (key, word) => createHmac('sha256', key).update(word).digest(),
    Buffer.from(`AWS4${secretAccessKey}`),
  );
}

function formatScope({ date, region, service }: Scope): string {
  return `${date}/${region}/${service}/aws4_request`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
