// Fetches a file whose SHA-256 and size are known beforehand, from the first place that has it. The bytes are counted and hashed as
// they come; nothing reaches its name in the cache, and nobody opens it, before the digest holds. Plain HTTP is therefore no loss.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, mkdir } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { dirname, join } from 'node:path';
import { CaissonError, VerificationError } from '@caisson/core/errors';
import { replaceFile, sweepTemporaries } from '../file/index.ts';
import { cacheFolder, type Environment } from './cache.ts';
import { digestFile } from './digest-file.ts';
import type { RuntimeErrorCode } from './error-code.ts';

export interface PinnedFile {
  readonly name: string;
  /** Tried in this order. */
  readonly urls: readonly string[];
  readonly size: number;
  readonly sha256: string;
}

export interface FetchOptions {
  readonly signal?: AbortSignal;
  readonly env?: Environment;
  /** One line for people: what is fetched from where. */
  readonly progress?: (line: string) => void;
}

// Chosen.
const silenceMs = 30_000;
const deadlineMs = 1_800_000;
const maxRedirects = 5;

/** Resolves with its path in the cache. Throws CaissonError RUNTIME_FETCH, VerificationError RUNTIME_DIGEST. */
export async function fetchPinned(file: PinnedFile, options: FetchOptions = {}): Promise<string> {
  const path = join(cacheFolder(options.env), 'sha256', file.sha256);
  if (existsSync(path) && (await digestFile(path)).sha256 === file.sha256) return path;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await sweepTemporaries(dirname(path));
  const failures: string[] = [];
  for (const url of file.urls) {
    try {
      options.progress?.(`fetching ${file.name} (${file.size} bytes) from ${new URL(url).host}`);
      await replaceFile(path, (into) => download(file, url, into, options), { mode: 0o600 });
      return path;
    } catch (error) {
      // Other bytes under the right name are not a matter of the next mirror.
      if (error instanceof VerificationError || options.signal?.aborted) throw error;
      failures.push(`${url}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new CaissonError<RuntimeErrorCode>('RUNTIME_FETCH', `cannot fetch ${file.name}: ${failures.join('; ')}`, {
    hint: 'a mirror of Debian is needed once; name yours with --mirror URL, or copy a runtime archive from another machine',
  });
}

async function download(file: PinnedFile, url: string, into: FileHandle, options: FetchOptions): Promise<void> {
  const signals = [AbortSignal.timeout(deadlineMs), ...(options.signal === undefined ? [] : [options.signal])];
  const response = await request(url, { ...options, signal: AbortSignal.any(signals) }, maxRedirects);
  const digest = createHash('sha256');
  let size = 0;
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      size += piece.length;
      if (size > file.size) break;
      digest.update(piece);
      await into.writeFile(piece);
    }
  } finally {
    response.destroy();
  }
  // A cut connection is the network's fault, other content is not.
  if (size < file.size) throw new Error(`ended after ${size} of ${file.size} bytes`);
  const found = digest.digest('hex');
  if (size === file.size && found === file.sha256) return;
  throw new VerificationError<RuntimeErrorCode>(
    'RUNTIME_DIGEST',
    `${file.name} from ${url} must have SHA-256 ${file.sha256} and ${file.size} bytes, got ${size > file.size ? 'more bytes' : found}`,
  );
}

async function request(url: string, options: FetchOptions, redirects: number): Promise<IncomingMessage> {
  const { signal, env = process.env } = options;
  const { protocol } = new URL(url);
  const secure = protocol === 'https:';
  if (!secure && protocol !== 'http:') throw new Error(`only http and https are spoken, got ${protocol}`);
  // Loaded here: they are slow to load, and mostly everything lies in the cache.
  const { Agent, get } = await (secure ? import('node:https') : import('node:http'));
  // http_proxy, https_proxy and no_proxy, as of Node 24.5; an older Node ignores the option and dials directly.
  const proxyEnv = env as NodeJS.ProcessEnv;
  const agent = new Agent({ proxyEnv });
  return await new Promise((resolve, reject) => {
    const asked = get(url, { agent, timeout: silenceMs, ...(signal !== undefined && { signal }) }, (response) => {
      const { statusCode = 0, headers } = response;
      if (statusCode === 200) return resolve(response);
      response.resume();
      if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) {
        return reject(new Error(`answered ${statusCode}`));
      }
      if (redirects === 0) return reject(new Error(`redirected more than ${maxRedirects} times`));
      resolve(request(new URL(headers.location, url).href, options, redirects - 1));
    });
    asked.on('timeout', () => asked.destroy(new Error(`silent for ${silenceMs} ms`)));
    asked.on('error', reject);
  });
}
