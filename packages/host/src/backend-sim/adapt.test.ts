// What of an image is changed for a simulation, and that it is said.
import { deepEqual, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { parseMeasuredServices, writeMeasuredServices } from '@caisson/core/measured';
import { measuredService } from '@caisson/testkit/boot';
import { adaptImage } from './adapt.ts';
import { describeDepartures } from './difference.ts';
import type { ReadImage } from './read-image.ts';

const services = writeMeasuredServices({
  v: 1,
  services: [measuredService('app', { user: '1000' }), measuredService('other')],
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
  deepEqual(servicesWithoutUser, ['app']);
  const other = instead.get('rootfs/etc/caisson/services.json');
  ok(other !== undefined && 'bytes' in other);
  deepEqual(
    parseMeasuredServices(other.bytes).services.map(({ name, user }) => [name, user]),
    [
      ['app', null],
      ['other', null],
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
  match(said.join('\n'), /`User=` and `Group=` are not applied: app\nleft out of the image: rootfs\/x \(fifo\)$/);
});

test('as root, and of a development image, nothing is changed', () => {
  deepEqual([...adaptImage(image, { appliesUsers: true, root: undefined }).instead], []);
});
