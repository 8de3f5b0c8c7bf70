// docs/service.md names every key that a service file may have and no other, and its example is one that compiles.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { keyRules } from './key-rule.ts';
import { parseServiceText } from './parse-service.ts';

const page = readFileSync(new URL('../../../../docs/service.md', import.meta.url), 'utf8');

test('service.md lists every key of a service file, and no key that there is not', () => {
  const [, table = ''] = /## Keys\n([\s\S]+?)\n## /.exec(page) ?? [];
  const listed = [...table.matchAll(/^\| ((?:`[A-Za-z]+`(?:, )?)+) \|/gm)].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([A-Za-z]+)`/g)].map(([, key = '']) => key),
  );
  assert.deepEqual(listed.sort(), [...keyRules.keys()].sort());
});

test('the example of service.md compiles', () => {
  const [, example = ''] = /```toml\n([\s\S]+?)```/.exec(page) ?? [];
  const { service, faults } = parseServiceText(example, { file: 'web.service', name: 'web', disabled: false });
  assert.deepEqual(faults, []);
  assert.deepEqual(service?.argv, ['/usr/bin/node', '/app/server.js', '--name', 'my app']);
});
