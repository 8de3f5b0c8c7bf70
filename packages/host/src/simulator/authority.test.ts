// The simulated authority: hardware's chain in shape, lifetimes and order, under a root that says what it is.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseAttestationCertificate } from '@caisson/core/attestation';
import { toHex } from '@caisson/core/bytes';
import { commonNameOf, nameText, parsePem } from '@caisson/core/x509';
import { createSimulatedAuthority } from './authority.ts';

const moduleId = 'i-0123456789abcdef0-enc0fedcba987654321';
const start = Date.parse('2026-11-20T12:00:00.500Z');
const hour = 3600;

test('issues five levels whose constraints, usages and lifetimes are those of hardware', async () => {
  const authority = await createSimulatedAuthority({ now: () => start });
  const leaf = await authority.issueLeaf(moduleId);
  const chain = [...leaf.cabundle, leaf.certificate].map(parseAttestationCertificate);
  assert.deepEqual(
    chain.map(({ basicConstraints }) => [
      basicConstraints?.isCritical,
      basicConstraints?.isCa,
      basicConstraints?.pathLength,
    ]),
    [
      [true, true, undefined],
      [true, true, 2],
      [true, true, 1],
      [true, true, 0],
      [true, false, undefined],
    ],
  );
  assert.deepEqual(
    chain.map(({ keyUsage }) => [keyUsage?.isCritical, keyUsage?.bits]),
    [
      [true, [0, 5, 6]],
      [true, [0, 5, 6]],
      [true, [0, 5, 6]],
      [true, [5]],
      [false, [0, 1]],
    ],
  );
  assert.deepEqual(
    chain.slice(1).map(({ notBefore, notAfter }) => notAfter - notBefore),
    [20 * 24 * hour + hour, 139 * hour, 24 * hour, 10_803],
  );
  const [root] = chain;
  assert.equal(
    new Date(root!.notAfter * 1000).getUTCFullYear() - new Date(root!.notBefore * 1000).getUTCFullYear(),
    30,
  );
  for (const [index, certificate] of chain.entries()) {
    assert.deepEqual(certificate.issuer, (chain[index - 1] ?? certificate).subject, `level ${index}`);
    assert.ok(certificate.notBefore * 1000 <= start && start <= certificate.notAfter * 1000, `level ${index}`);
  }
});

test('its root says SIMULATED in its common name and in every name below', async () => {
  const authority = await createSimulatedAuthority({ now: () => start, region: 'moon-1' });
  const { cabundle, certificate } = await authority.issueLeaf(moduleId);
  const chain = [...cabundle, certificate].map(parseAttestationCertificate);
  assert.match(commonNameOf(chain[0]!.subject) ?? '', /^SIMULATED/);
  for (const { subject } of chain) assert.match(nameText(subject), /OU=SIMULATED/);
  assert.deepEqual(parsePem('CERTIFICATE', authority.rootPem), Uint8Array.from(cabundle[0]!));
});

test('names instance and leaf as hardware does: instance id, module id, region', async () => {
  const authority = await createSimulatedAuthority({ now: () => start, region: 'moon-1' });
  const { cabundle, certificate } = await authority.issueLeaf(moduleId);
  const [, region, zonal, instance, leaf] = [...cabundle, certificate].map((der) => parseAttestationCertificate(der));
  assert.match(commonNameOf(region!.subject)!, /^[0-9a-f]{16}\.moon-1\.simulated\.nitro-enclaves$/);
  assert.match(commonNameOf(zonal!.subject)!, /^[0-9a-f]{16}\.zonal\.moon-1\.simulated\.nitro-enclaves$/);
  assert.equal(commonNameOf(instance!.subject), 'i-0123456789abcdef0.moon-1.simulated.nitro-enclaves');
  assert.equal(commonNameOf(leaf!.subject), `${moduleId}.moon-1.simulated`);
  assert.equal(
    toHex(leaf!.serial),
    `0fedcba987654321${Math.floor(start / 1000)
      .toString(16)
      .padStart(16, '0')}`,
  );
});

test('no leaf outlives its instance, no certificate its issuer, over thirty days of issuing', async () => {
  let now = start;
  const authority = await createSimulatedAuthority({ now: () => now });
  const kept = new Set<string>();
  for (let step = 0; step < 30 * 24; step += 5) {
    now = start + step * hour * 1000;
    const { cabundle, certificate } = await authority.issueLeaf(moduleId);
    const chain = [...cabundle, certificate].map(parseAttestationCertificate);
    for (const [index, { notAfter, issuer }] of chain.entries()) {
      const parent = chain[index - 1];
      if (parent === undefined) continue;
      assert.ok(notAfter <= parent.notAfter, `level ${index} outlives its issuer at step ${step}`);
      assert.deepEqual(issuer, parent.subject);
    }
    kept.add(toHex(chain[1]!.subject));
  }
  assert.ok(kept.size > 1 && kept.size < 6, `${kept.size} regional certificates in thirty days`);
});

test('callers at the same moment share one chain', async () => {
  const authority = await createSimulatedAuthority({ now: () => start });
  const leaves = await Promise.all([1, 2, 3, 4].map(() => authority.issueLeaf(moduleId)));
  assert.equal(new Set(leaves.map(({ cabundle }) => cabundle.map(toHex).join())).size, 1);
  assert.equal(new Set(leaves.map(({ certificate }) => toHex(certificate))).size, 4);
});

test('a root that does not cover what it would sign is refused, and one that does is used again', async () => {
  const state = mkdtempSync(join(tmpdir(), 'caisson-authority-'));
  try {
    const first = await createSimulatedAuthority({ now: () => start, state });
    for (const years of [-1, 31]) {
      const later = await createSimulatedAuthority({ now: () => start + years * 365 * 24 * hour * 1000, state });
      assert.equal(later.rootPem, first.rootPem);
      await assert.rejects(later.issueLeaf(moduleId), {
        code: 'SIMULATOR_STATE',
        message: /^simulated root must be valid from 20\d\d-.* to 20\d\d-.*, got 2026-11-20T11:59:00.000Z to 2056-/,
      });
    }
  } finally {
    rmSync(state, { recursive: true });
  }
});
