// Which folders a fabric accepts.
import { equal, throws } from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { toCid } from '@caisson/core/address';
import { openCidFolder, openFolder, socketPath } from './folder.ts';

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'caisson-'));
});
afterEach(() => rmSync(scratch, { recursive: true }));

const refused = { name: 'PolicyError', code: 'TRANSPORT_FOLDER' };

test('opens a folder of the caller, also by a relative path, and answers the absolute one', () => {
  equal(openFolder(scratch), scratch);
  equal(openFolder(relative(process.cwd(), scratch)), scratch);
});

test('refuses a folder that does not exist and says how to make it', () => {
  const path = join(scratch, 'none');
  throws(() => openFolder(path), {
    ...refused,
    message: `fabric folder ${path} refused: it cannot be inspected (ENOENT)`,
    hint: `make a folder of your own for it: mkdir -m 700 ${path}`,
  });
});

test('refuses a folder that others may write in, group or world', () => {
  for (const mode of [0o720, 0o702, 0o1777]) {
    chmodSync(scratch, mode);
    throws(() => openFolder(scratch), { ...refused, message: /others may write there \(mode 7[0-7]{2}\)$/ });
  }
});

test('refuses a file in the place of the folder', () => {
  const path = join(scratch, 'file');
  writeFileSync(path, '');
  throws(() => openFolder(path), { ...refused, message: /it is no folder$/ });
});

test('refuses a link as the folder and anywhere on the way to it', () => {
  mkdirSync(join(scratch, 'real', 'inner'), { recursive: true });
  symlinkSync(join(scratch, 'real'), join(scratch, 'link'));
  const message = new RegExp(`${join(scratch, 'link')} is a symbolic link$`);
  throws(() => openFolder(join(scratch, 'link')), { ...refused, message });
  throws(() => openFolder(join(scratch, 'link', 'inner')), { ...refused, message });
});

test('refuses the folder of another user', (context) => {
  if (process.geteuid?.() !== 0) return context.skip('only root can give a folder away');
  chownSync(scratch, 12_345, 12_345);
  throws(() => openFolder(scratch), { ...refused, message: /belongs to uid 12345, this process is uid 0$/ });
});

test('refuses 86 bytes, because the longest socket path would pass 107', () => {
  const longest = join(scratch, 'x'.repeat(85 - scratch.length - 1));
  mkdirSync(longest);
  equal(openFolder(longest).length, 85);
  equal(Buffer.byteLength(socketPath(longest, toCid(4294967294), 4294967294 as never)), 107);
  throws(() => openFolder(`${longest}x`), { name: 'LimitError', code: 'TRANSPORT_PATH_LENGTH' });
});

test('makes the folder of a CID for its owner only, and refuses one that others prepared', () => {
  const cid = toCid(16);
  const path = openCidFolder(scratch, cid);
  equal(openCidFolder(scratch, cid), path);
  chmodSync(path, 0o777);
  throws(() => openCidFolder(scratch, cid), refused);
  rmSync(path, { recursive: true });
  symlinkSync(tmpdir(), path);
  throws(() => openCidFolder(scratch, cid), { ...refused, message: /it is no folder$/ });
});
