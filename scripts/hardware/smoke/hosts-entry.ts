// The host name of the outbound check, on this machine: a line in the hosts file while the smoke runs, where the name does not lead here already.
import { appendFileSync, closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';

const mark = '# caisson nitro-smoke';

/** Returns what removes the line again. Throws where it cannot be written. */
export function addHostsEntry(host: string, file = '/etc/hosts'): () => void {
  const text = readFileSync(file, 'utf8');
  const isThere = text.split('\n').some((line) => {
    const [address, ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return address === '127.0.0.1' && names.includes(host) && !line.endsWith(mark);
  });
  if (isThere) return () => {};
  // What a killed run has left goes too. In place, because a hosts file may be mounted and then cannot be replaced.
  const remove = (): void => {
    const before = readFileSync(file, 'utf8');
    const after = before
      .split('\n')
      .filter((line) => !line.endsWith(mark))
      .join('\n');
    if (after !== before) shorten(file, Buffer.from(after));
  };
  try {
    remove();
    appendFileSync(file, `${text === '' || text.endsWith('\n') ? '' : '\n'}127.0.0.1 ${host} ${mark}\n`);
  } catch (error) {
    throw new Error(
      `${host} must lead to 127.0.0.1, and ${file} cannot be written (${(error as NodeJS.ErrnoException).code}); set CAISSON_SMOKE_HOST=localhost`,
    );
  }
  return remove;
}

/** Written over and cut afterwards: a file that is emptied first stays empty where the disk is full or the run is killed. */
function shorten(file: string, content: Buffer): void {
  const fd = openSync(file, 'r+');
  try {
    for (let at = 0; at < content.length; ) at += writeSync(fd, content, at, content.length - at, at);
    ftruncateSync(fd, content.length);
  } finally {
    closeSync(fd);
  }
}
