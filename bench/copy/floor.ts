// The floor: TLS between two Node processes over a unix socket, both hash, one reads and one writes; nothing else.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { connect as connectUnix } from 'node:net';
import { connect } from 'node:tls';

export interface FloorTerms {
  readonly path: string;
}

export async function runFloor({ path }: FloorTerms, file: string): Promise<void> {
  const socket = connect({
    socket: connectUnix(path),
    rejectUnauthorized: false,
    minVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_256_GCM_SHA384',
  });
  await once(socket, 'secureConnect');
  const answer = once(socket, 'data');
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 18 })) {
    hash.update(chunk as Buffer);
    if (!socket.write(chunk)) await once(socket, 'drain');
  }
  socket.end();
  const [digest] = await answer;
  if (Buffer.compare(digest as Buffer, hash.digest()) !== 0) throw new Error('another file has arrived');
  socket.destroy();
}
