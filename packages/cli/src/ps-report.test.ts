// `caisson ps`: what is shown unasked, what is marked, and the document against its schema.
import { deepEqual, doesNotMatch, equal, match } from 'node:assert/strict';
import { test } from 'node:test';
import { CaissonError } from '@caisson/core/errors';
import { assertFitsSchema } from '@caisson/testkit/contract';
import { fakeRecord } from '@caisson/testkit/fake';
import { inOrder, isShown, psFacts, psNotes, psTable } from './ps-report.ts';

const nowMs = Date.parse('2026-11-21T10:03:05.000Z');

test('lists name, cid, backend, phase, age, ports, profile and the beginning of PCR0', () => {
  const table = psTable([fakeRecord('web')], nowMs);
  equal(
    table,
    [
      'NAME  CID  BACKEND  PHASE  SINCE  PORTS                 PROFILE      IMAGE\n',
      'web   16   sim      ready  3m     127.0.0.1:8080->3000  development  a0a0a0a0a0a0a0a0…\n',
    ].join(''),
  );
  equal(psTable([], nowMs), '');
});

test('a narrow terminal has what matters most, and names stand as people count', () => {
  const records = inOrder(['web-10', 'web-2', 'db'].map((name) => fakeRecord(name)));
  deepEqual(
    records.map(({ name }) => name),
    ['db', 'web-2', 'web-10'],
  );
  const head = (columns: number): string => psTable(records, nowMs, columns).split('\n')[0]!.replace(/ +/g, ' ');
  equal(head(200), 'NAME CID BACKEND PHASE SINCE PORTS PROFILE IMAGE');
  equal(head(80), 'NAME CID BACKEND PHASE SINCE PORTS PROFILE');
  equal(head(40), 'NAME CID BACKEND PHASE SINCE');
  equal(head(1), 'NAME CID PHASE');
  const many = Array.from({ length: 9 }, (_, at) => fakeRecord(`e${at}`));
  deepEqual(psNotes(many, 0), ['SIMULATED: nothing here proves hardware of e0, e1, e2, e3, e4, e5 and 3 more']);
});

test('an IPv6 address stands in brackets, and an enclave without ways in has a dash', () => {
  const ingress = [{ hostAddress: '::1', hostPort: 443, port: 8443, vsockPort: 8443, holdMs: 0 }];
  match(psTable([fakeRecord('web', { ingress })], nowMs), /\[::1\]:443->8443/);
  match(psTable([fakeRecord('web', { ingress: [] })], nowMs), / 3m +- +development/);
});

test('what has ended is shown with -a alone, and what was lost or cannot be read is shown without it', () => {
  const fault = new CaissonError('RECORD_FORM', 'state of enclave bad must be JSON');
  const all = [
    ...(['ready', 'degraded', 'waiting', 'stopping', 'stopped', 'exited', 'failed', 'lost'] as const).map((phase) =>
      fakeRecord(phase, {}, { phase }),
    ),
    fakeRecord('never', {}, null),
    { name: 'bad', spec: undefined, state: undefined, fault },
  ];
  const shown = all.filter(isShown).map(({ name }) => name);
  deepEqual(shown, ['ready', 'degraded', 'waiting', 'stopping', 'lost', 'bad']);
  match(psTable(all, nowMs), /never +- +sim +never started +- /);
  match(psTable(all, nowMs), /bad +- +- +unreadable/);
  const notes = psNotes(all, 4).join('\n');
  match(notes, /^lost: the process that kept it is gone\n {2}hint: caisson restart NAME/m);
  match(notes, /^bad: state of enclave bad must be JSON$/m);
  match(notes, /^4 more have ended: caisson ps -a$/m);
  match(psNotes([], 1).join('\n'), /^1 more has ended/);
});

test('SIMULATED is said once of all that it is true of, and debug loudly', () => {
  const records = [
    fakeRecord('one'),
    fakeRecord('two', { backend: 'qemu' }, { backend: 'qemu' }),
    fakeRecord('real', { backend: 'nitro', debug: true }, { backend: 'nitro' }),
  ];
  const notes = psNotes(records, 0);
  deepEqual(
    notes.filter((line) => line.startsWith('SIMULATED')),
    ['SIMULATED: nothing here proves hardware of one, two'],
  );
  match(notes.join('\n'), /^DEBUG: the console of real is open, and on hardware its documents have zeros for PCRs$/m);
  match(psTable(records, nowMs), /real +16 +nitro +ready DEBUG/);
  doesNotMatch(
    psNotes([fakeRecord('real', { backend: 'nitro' }, { backend: 'nitro' })], 0).join(''),
    /SIMULATED|DEBUG/,
  );
});

test('why an enclave is not ready is said with what to try, and steers no terminal', () => {
  const failure = { code: 'BACKEND_BOOT', message: 'it died \u001b[31m', hint: 'look at the console' };
  match(
    psNotes([fakeRecord('web', {}, { phase: 'failed', failure })], 0).join('\n'),
    /^web: it died \\u001b\[31m\n {2}hint: look at/m,
  );
  const reasons = ['service-failed app exit 7'];
  match(
    psNotes([fakeRecord('web', {}, { phase: 'degraded', reasons })], 0).join('\n'),
    /^web: degraded: service-failed app exit 7$/m,
  );
  const end = { at: '2026-11-21T10:00:00.000Z', exit: 7, byHost: false, text: 'ended with 7' };
  match(psNotes([fakeRecord('web', {}, { phase: 'exited', end })], 0).join('\n'), /^web: ended with 7$/m);
});

test('ps --json fits its schema for every kind of record', () => {
  const failure = { code: 'BACKEND_BOOT', message: 'it died', hint: null };
  const records = [
    fakeRecord('web'),
    fakeRecord('dead', {}, { phase: 'failed', failure, cid: null, bootId: null, startedAt: null }),
    fakeRecord('never', {}, null),
    { name: 'bad', spec: undefined, state: undefined, fault: new CaissonError('RECORD_FORM', 'not JSON') },
  ];
  const document = { v: 1, enclaves: records.map(psFacts) };
  assertFitsSchema(document, 'ps');
  const [web, , never, bad] = document.enclaves;
  match(JSON.stringify(bad?.['fault']), /"hint":"`caisson rm` removes the record/);
  match(psNotes(records, 0).join('\n'), /^dead: it died\n {2}hint: \S.*\nbad: not JSON\n {2}hint: `caisson rm` /m);
  deepEqual(
    [web?.['phase'], web?.['simulated'], web?.['ports']],
    ['ready', true, [{ listen: '127.0.0.1:8080', port: 3000 }]],
  );
  equal(never?.['phase'], null);
});
