// The examples of docs/wire/state.md, held against the code in both directions.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { encodeMessageFrame } from '@caisson/core/frame';
import {
  ENCLAVE_PHASES,
  enclaveFolder,
  parseSpec,
  type RecordedState,
  readState,
  writeSpec,
  writeState,
} from '../record/index.ts';
import type { ShimEvent, ShimStats } from './client-interface.ts';
import { EventLog } from './event-log.ts';
import { encodeMessage, parseAsk, parseHello, shimType } from './messages.ts';

const page = readFileSync(new URL('../../../../docs/wire/state.md', import.meta.url), 'utf8');

function textOf(name: string): string {
  const [, text = ''] = new RegExp(`^\`\`\`json ${name}\\n([^\`]+)\\n\`\`\``, 'm').exec(page) ?? [];
  assert.ok(text.length > 0, name);
  return text;
}

function hexOf(name: string): string {
  const [, body = ''] = new RegExp(`^\`\`\`hex ${name}[^\\n]*\\n([^\`]+)^\`\`\``, 'm').exec(page) ?? [];
  return body.replace(/\|.*$/gm, '').replace(/\s/g, '');
}

test('state.md shows a spec and a state that are written and read as they stand', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-page-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const spec = parseSpec(textOf('spec'), 'web');
  await writeSpec(folder, spec);
  const { path, spec: specFile, state: stateFile } = enclaveFolder(folder, 'web');
  assert.equal(JSON.stringify(JSON.parse(readFileSync(specFile, 'utf8'))), textOf('spec'));
  mkdirSync(path, { recursive: true });
  writeFileSync(stateFile, textOf('state'));
  const state = (await readState(folder, 'web')) as RecordedState;
  // Its shim is nobody here.
  assert.equal(state.phase, 'lost');
  await writeState(folder, { ...state, phase: 'ready' });
  assert.equal(JSON.stringify(JSON.parse(readFileSync(stateFile, 'utf8'))), textOf('state'));
  for (const phase of ENCLAVE_PHASES) assert.ok(page.includes(phase), phase);
});

test('state.md shows an event as it is kept', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'caisson-page-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const shown = JSON.parse(textOf('event')) as ShimEvent;
  const { seq, ...fields } = shown.fields;
  const path = join(folder, 'events.jsonl');
  const events = new EventLog({ enclave: shown.enclave, path, date: () => Date.parse(shown.time) });
  for (let number = 1; number <= Number(seq); number += 1) events.add(shown.level, shown.code, shown.message, fields);
  events.end();
  assert.equal(readFileSync(path, 'utf8').trimEnd().split('\n').at(-1), textOf('event'));
});

test('state.md shows what is said on the socket, byte for byte', () => {
  const frame = (id: number, type: number, payload: Uint8Array): string =>
    Buffer.from(
      encodeMessageFrame({ type: 2, last: true, id, payload: Buffer.concat([Buffer.of(type), payload]) }),
    ).toString('hex');
  assert.equal(hexOf('hello'), frame(1, shimType.hello, new Uint8Array()));
  assert.equal(hexOf('status'), frame(3, shimType.ask, encodeMessage({ verb: 'status' })));
  assert.equal(Buffer.from(encodeMessage(parseHello(Buffer.from(textOf('hello'))))).toString(), textOf('hello'));
  assert.deepEqual(parseAsk(Buffer.from('{"verb":"stop","graceMs":5}')), { verb: 'stop', graceMs: 5, follow: false });
  const stats = JSON.parse(textOf('stats')) as ShimStats;
  assert.equal(Buffer.from(encodeMessage(stats)).toString(), textOf('stats'));
});
