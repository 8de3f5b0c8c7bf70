// What of an image is changed for a simulation, and that it is said.
import { deepEqual, match, ok } from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { parseMeasuredServices, writeMeasuredServices } from '@caisson/core/measured';
import { measuredService } from '@caisson/testkit/boot';
import { adaptImage } from './adapt.ts';
import { describeDepartures } from './difference.ts';
import type { ReadImage } from './read-image.ts';

const services = writeMeasuredServices({
  v: 1,
  services: [measuredService('app', { user: '1000' }), measuredService('other'), measuredService('of', { group: '7' })],
});
const image: ReadImage = {
  plan: { folders: [], files: new Set(), copies: new Map(), links: new Map(), leftOut: [] },
  bytes: 0,
  profile: 'development',
  hasProgram: true,
  services,
  leftOut: [],
};

test('without root users of services are taken out of the measured file, and each service is named', () => {
  const { instead, servicesWithoutUser } = adaptImage(image, { appliesUsers: false, root: undefined });
  deepEqual(servicesWithoutUser, ['app', 'of']);
  const other = instead.get('rootfs/etc/caisson/services.json');
  ok(other !== undefined && 'bytes' in other);
  deepEqual(
    parseMeasuredServices(other.bytes).services.map(({ name, user, group }) => [name, user, group]),
    [
      ['app', null, null],
      ['other', null, null],
      ['of', null, null],
    ],
  );
  const said = describeDepartures({
    stage: { kind: 'room', why: '' } as const,
    isRoot: false,
    isProgramReplaced: false,
    servicesWithoutUser,
    hasMemoryGroup: true,
    cpuCount: undefined,
    leftOut: [{ path: 'rootfs/x', why: 'fifo' }],
  });
  match(said.join('\n'), /`User=` and `Group=` are not applied: app, of\nleft out of the image: rootfs\/x \(fifo\)$/);
});

test('as root, and of a development image, nothing is changed', () => {
  deepEqual([...adaptImage(image, { appliesUsers: true, root: undefined }).instead], []);
});

test('where the root is a folder the launcher is told it as one word, whatever stands in its path', () => {
  const plan = { ...image.plan, files: new Set(['rootfs/usr/lib/caisson/caisson-launcher']) };
  const { instead } = adaptImage({ ...image, plan }, { appliesUsers: true, root: "/a' $(echo b) '/root" });
  const launcher = instead.get('rootfs/usr/lib/caisson/caisson-launcher');
  ok(launcher !== undefined && 'bytes' in launcher);
  const text = Buffer.from(launcher.bytes).toString().replace('exec ', "printf '%s\\n' ");
  const { stdout } = spawnSync('/bin/sh', ['-c', text], { encoding: 'utf8' });
  ok(stdout.startsWith("/a' $(echo b) '/root/usr/lib/caisson/runtime/"), stdout);
});
