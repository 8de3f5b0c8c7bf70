// One GET of a registry, its redirects followed by us: the token stays with the host it was given for, https never becomes http, and a
// registry out there never sends us to this machine. Deadlines for the answer, for each piece of the body, and for all of it.
import { CaissonError, LimitError, PolicyError } from '@caisson/core/errors';
import type { OciErrorCode } from './error-code.ts';

export interface HttpOptions {
  /** Bound of silence: before the answer begins, and between two pieces of it. */
  readonly timeoutMs: number;
  /** Of the whole image, from `performance.now()`. */
  readonly endsAtMs: number;
  /** Plain http also to hosts that are not this machine. */
  readonly allowHttp: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Once. Throws LimitError OCI_DEADLINE, CaissonError OCI_REGISTRY. */
  body(): AsyncGenerator<Uint8Array, void, undefined>;
  /** Reads no further. */
  discard(): void;
}

// Chosen.
const maxRedirects = 5;
// Given: RFC 9110 section 15.4; all of them keep a GET a GET.
const redirects = [301, 302, 303, 307, 308];

/** `authorization` goes to the origin of `url` only. Throws LimitError OCI_DEADLINE, CaissonError OCI_REGISTRY, PolicyError OCI_REDIRECT. */
export async function get(
  url: URL,
  headers: Readonly<Record<string, string>>,
  authorization: string | undefined,
  options: HttpOptions,
): Promise<HttpAnswer> {
  let place = url;
  for (let count = 0; ; count += 1) {
    const own = place.origin === url.origin && authorization !== undefined ? { authorization } : {};
    const answer = await getOnce(place, { ...headers, ...own }, options);
    const location = answer.headers.get('location');
    if (!redirects.includes(answer.status) || location === null) return answer;
    answer.discard();
    if (count === maxRedirects) throw refused(`${url.origin} must answer within ${maxRedirects} redirects, got more`);
    const next = URL.canParse(location, place.href) ? new URL(location, place.href) : undefined;
    if (next === undefined) throw refused(`${place.origin} redirects to what is no URL`);
    requireSafe(place, next, options.allowHttp);
    place = next;
  }
}

export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname === '[::1]' || hostname === '::1' || /^127(?:\.[0-9]{1,3}){3}$/.test(hostname)
  );
}

/** Also for the place that gives tokens. Throws PolicyError OCI_REDIRECT. */
export function requireSafe(from: URL, to: URL, allowHttp: boolean): void {
  const shown = `${to.protocol}//${to.host}`;
  if (to.protocol !== 'https:' && to.protocol !== 'http:')
    throw refused(`${from.origin} must lead to http or https, got ${to.protocol}`);
  if (to.username !== '' || to.password !== '')
    throw refused(`${from.origin} leads to a URL with a user in it, on ${shown}`);
  if (from.protocol === 'https:' && to.protocol === 'http:')
    throw refused(`${from.origin} must not lead to plain http, got ${shown}`);
  if (!isLoopback(from.hostname) && isLoopback(to.hostname))
    throw refused(`${from.origin} must not lead to this machine, got ${shown}`);
  if (to.protocol === 'http:' && !isLoopback(to.hostname) && !allowHttp)
    throw refused(`${from.origin} must not lead to plain http, got ${shown}`);
}

async function getOnce(url: URL, headers: Readonly<Record<string, string>>, options: HttpOptions): Promise<HttpAnswer> {
  const abort = new AbortController();
  const left = (): number => Math.max(0, Math.min(options.timeoutMs, options.endsAtMs - performance.now()));
  const late = (): void =>
    abort.abort(
      new LimitError<OciErrorCode>(
        'OCI_DEADLINE',
        `${url.host} must not be silent for ${options.timeoutMs} ms, nor the image take longer than its deadline`,
      ),
    );
  let timer = setTimeout(late, left());
  const again = (): void => {
    clearTimeout(timer);
    timer = setTimeout(late, left());
  };
  const stop = (): void => {
    clearTimeout(timer);
    abort.abort(new Error('not read any further'));
  };
  try {
    // identity: a body that was packed on the way would not have the digest of what was asked for.
    const sent = { 'accept-encoding': 'identity', 'user-agent': 'caisson', ...headers };
    const response = await fetch(url, { headers: sent, redirect: 'manual', signal: abort.signal });
    return {
      status: response.status,
      headers: response.headers,
      async *body() {
        try {
          again();
          for await (const piece of response.body ?? []) {
            // The reader may take as long as it likes.
            clearTimeout(timer);
            yield piece;
            again();
          }
        } catch (error) {
          throw told(error, url);
        } finally {
          stop();
        }
      },
      discard: stop,
    };
  } catch (error) {
    stop();
    throw told(error, url);
  }
}

function told(error: unknown, url: URL): unknown {
  if (error instanceof CaissonError) return error;
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  const why = cause?.code ?? cause?.message ?? (error as Error).message;
  return new CaissonError<OciErrorCode>('OCI_REGISTRY', `cannot read from ${url.host}: ${why}`, { cause: error });
}

function refused(message: string): PolicyError<OciErrorCode> {
  return new PolicyError('OCI_REDIRECT', message);
}
