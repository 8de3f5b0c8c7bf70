// A registry on 127.0.0.1 for one image: read only, with a token or a password when asked to, and with whatever lie a test needs.
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestImage } from './image.ts';

export interface TestRegistryOptions {
  readonly name: string;
  readonly tag?: string;
  /** What is served for the tag instead of the image's manifest. */
  readonly root?: { readonly mediaType: string; readonly bytes: Buffer };
  readonly auth?: 'bearer' | 'basic';
  readonly username?: string;
  readonly password?: string;
  /** Called first; true when it has answered. `url` is the path with its query. */
  readonly answer?: (url: string, request: IncomingMessage, response: ServerResponse) => boolean;
}

export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly requests: readonly { readonly url: string; readonly authorization: string | undefined }[];
  close(): Promise<void>;
}

const token = 'token.of-the~registry';

export async function startRegistry(image: TestImage, options: TestRegistryOptions): Promise<TestRegistry> {
  const { name, tag = 'latest', auth, username = 'user', password = 'word' } = options;
  const requests: { url: string; authorization: string | undefined }[] = [];
  const plain = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  const server = createServer((request, response) => {
    const url = request.url ?? '';
    const { authorization } = request.headers;
    requests.push({ url, authorization });
    if (options.answer?.(url, request, response)) return;
    if (url.startsWith('/token')) {
      response.statusCode = authorization === plain ? 200 : 401;
      response.end(JSON.stringify({ token }));
      return;
    }
    if (auth !== undefined && authorization !== (auth === 'bearer' ? `Bearer ${token}` : plain)) {
      const realm = `http://${host}/token`;
      const ask = auth === 'bearer' ? `Bearer realm="${realm}",service="test, registry"` : 'Basic realm="test"';
      response.writeHead(401, { 'www-authenticate': ask }).end();
      return;
    }
    const [, kind, reference = ''] = /^\/v2\/.+\/(manifests|blobs)\/([^/]+)$/.exec(url) ?? [];
    const isRoot = kind === 'manifests' && reference === tag;
    const bytes = isRoot ? (options.root?.bytes ?? image.blobs.get(image.manifest.digest)) : image.blobs.get(reference);
    if (bytes === undefined || !url.startsWith(`/v2/${name}/`)) {
      response.writeHead(404).end();
      return;
    }
    const type = isRoot && options.root ? options.root.mediaType : image.manifest.mediaType;
    response.writeHead(200, { 'content-type': kind === 'manifests' ? type : 'application/octet-stream' }).end(bytes);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    requests,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
