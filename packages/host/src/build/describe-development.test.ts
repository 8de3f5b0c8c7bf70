// What is said of a development image when it is built.
import { equal } from 'node:assert/strict';
import { test } from 'node:test';
import { describeDevelopment } from './describe-development.ts';
import { DEFAULT_SETTINGS } from './settings.ts';

test('of a development image it is said who gets a shell, who configures it and who sees its last lines, each only where it is so', () => {
  const { init, operators: nobody, config: closed } = DEFAULT_SETTINGS;
  const operators = { ...nobody, rootKey: 'AA==' };
  const open = { ...closed, expect: 'optional', unsigned: 'accept' } as const;
  const last = 'shows anyone on the parent the last lines of a service that failed';
  const shell = "gives a shell to whoever holds an operator's key";
  const config = 'takes its boot config from anyone on the parent';
  equal(describeDevelopment({ init, operators: nobody, config: closed }), last);
  equal(describeDevelopment({ init, operators, config: closed }), `${shell} and ${last}`);
  equal(describeDevelopment({ init, operators, config: open }), `${shell}, ${config} and ${last}`);
  equal(describeDevelopment({ init, operators: nobody, config: { ...open, requireSignature: true } }), last);
});
