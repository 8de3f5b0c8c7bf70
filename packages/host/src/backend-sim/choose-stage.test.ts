// Which kind of simulation a start takes, by what the kernel gives and what somebody wishes.
import { deepEqual, equal, match, throws } from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { chooseStage, findStageFault } from './choose-stage.ts';
import { describeDepartures } from './difference.ts';

const folder = mkdtempSync(join(tmpdir(), 'caisson-choose-'));
after(() => rmSync(folder, { recursive: true }));

/** A caisson-sim that says this of the machine. */
function says(line: string): string {
  const path = join(folder, `says-${Buffer.from(line).toString('hex')}`);
  writeFileSync(path, `#!/bin/sh\nprintf '%s\\n' '${line}'\n`, { mode: 0o755 });
  return path;
}

test('the best there is, unless somebody names less; a room that cannot be had is refused with what the kernel said', () => {
  const [room, single] = [says('room '), says('single mount namespace: no')];
  const [chroot, none] = [says('chroot user namespace: no'), says('folder user namespace: no')];
  const kindOf = (helper: string, wish: string): string => chooseStage(helper, wish).kind;
  deepEqual(
    [room, single, chroot, none].map((helper) => kindOf(helper, 'auto')),
    ['room', 'single', 'chroot', 'folder'],
  );
  equal(kindOf(single, 'room'), 'single');
  deepEqual(
    [kindOf(room, 'folder'), kindOf(chroot, 'folder'), kindOf(chroot, 'chroot')],
    ['folder', 'folder', 'chroot'],
  );
  for (const helper of [chroot, none]) {
    throws(() => chooseStage(helper, 'room'), {
      code: 'BACKEND_UNAVAILABLE',
      message: 'CAISSON_SIM asks for a room of namespaces, and the kernel gives none: user namespace: no',
    });
  }
  const isRoot = process.getuid?.() === 0;
  for (const helper of [room, single]) {
    if (isRoot) equal(kindOf(helper, 'chroot'), 'chroot');
    else throws(() => kindOf(helper, 'chroot'), { message: /this process may make none$/ });
  }
  throws(() => chooseStage(none, 'chroot'), {
    code: 'BACKEND_UNAVAILABLE',
    message: /this process may make none$/,
    hint: /CAISSON_SIM=folder needs nothing$/,
  });
  match(findStageFault(none, 'room')!.get, /apparmor_restrict_unprivileged_userns/);
  equal(findStageFault(none, 'auto'), undefined);
});

test('a wish that is none, and a program that says nothing sound, are refused and never taken for less isolation', () => {
  for (const wish of ['', 'Room', 'single', 'room ', 'none']) {
    throws(() => chooseStage(says('room '), wish), {
      code: 'BACKEND_UNAVAILABLE',
      message: /^CAISSON_SIM must be one of auto, room, chroot, folder, got "/,
    });
  }
  for (const line of ['', 'folder', 'cellar x', ' folder x', 'room x\nfolder y']) {
    throws(
      () => chooseStage(says(line), 'auto'),
      { message: /^caisson-sim must say what this machine gives, got / },
      line,
    );
  }
  throws(() => chooseStage(join(folder, 'absent'), 'auto'), { message: /ENOENT/ });
});

test('each kind says first what it is not', () => {
  const terms = {
    isProgramReplaced: false,
    servicesWithoutUser: [],
    hasMemoryGroup: true,
    cpuCount: undefined,
    leftOut: [],
  };
  const firstOf = (kind: 'room' | 'single' | 'chroot' | 'folder', isRoot: boolean): string =>
    describeDepartures({ ...terms, isRoot, stage: { kind, why: 'user namespace: no' } })[0] ?? '';
  equal(firstOf('room', true), '');
  match(firstOf('room', false), /^without root everything inside is one user/);
  match(firstOf('single', true), /^users of this enclave are one: .*\(user namespace: no\)$/);
  for (const [kind, isRoot, what] of [
    ['chroot', true, /its services shut into the image's root and nothing else$/],
    ['folder', true, /which can read and write what root without rights can$/],
    ['folder', false, /which can read and write what this user can$/],
  ] as const) {
    match(
      firstOf(kind, isRoot),
      /^NOT ISOLATED: the kernel gives no room for this enclave \(user namespace: no\); it is a plain/,
    );
    match(firstOf(kind, isRoot), what);
  }
  // What somebody has asked for is not the kernel's doing.
  const stage = chooseStage(says('room '), 'folder');
  const [asked] = describeDepartures({ ...terms, isRoot: false, stage });
  match(asked ?? '', /^NOT ISOLATED: CAISSON_SIM is folder, which asks for no room; it is a plain process/);
});
