// The NSM of a real enclave through the commands that people use, and the relying party's verdict on the document that they
// take home: under the rig's root, of exactly this image. Then an enclave whose hypervisor signs nothing.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { parseHex, toHex } from '@caisson/core/bytes';
import { type VerificationClass, VerificationError, type VerifyDocumentOptions, verifyDocument } from '@caisson/verify';
import type { NsmOutcome } from './guest/nsm.ts';
import { asked, documentFile, extension } from './guest/nsm-command.ts';
import { hearReport } from './hear.ts';
import { buildImage, type Image, whyNoBundle } from './image.ts';
import { bootEnclave, rigFile, skip as skipRig } from './rig.ts';

const skip = skipRig || whyNoBundle('caisson');
// Given by the rig.
const moduleId = 'i-0abc-enc0123';
const zero = '00'.repeat(48);
const extended = createHash('sha384').update(parseHex(zero)).update(parseHex(extension)).digest('hex');

test('the NSM of a real enclave, for people and for a relying party', { skip, timeout: 300_000 }, async (context) => {
  const image = await buildImage({ guest: 'nsm', bundles: ['caisson'] });
  try {
    const outcome = await outcomeOf(image, { cid: 24 });
    await holdCommands(context, image, outcome.commands);
    await holdDocument(context, image, Buffer.from(outcome.document, 'base64'));
  } finally {
    image.remove();
  }
});

test('a document that the hypervisor did not sign is kept as it came, and refused with COSE', {
  skip,
  timeout: 300_000,
}, async () => {
  const image = await buildImage({ guest: 'nsm', bundles: ['caisson'], env: { COMMANDS: 'attest' } });
  try {
    const { commands, document } = await outcomeOf(image, { cid: 25, unsigned: true });
    assert.equal(commands.attest.status, 0);
    const { verified, fault } = JSON.parse(commands.attest.stdout) as { verified: boolean; fault: string };
    assert.equal(verified, false);
    assert.match(fault, /^COSE_Sign1 protected header must be \{1: -35\}/);
    await refuses(Buffer.from(document, 'base64'), { roots: [rigRoot()] }, 'COSE');
    await refuses(Buffer.from(document, 'base64'), { roots: [rigRoot()], allowDebug: true }, 'COSE');
  } finally {
    image.remove();
  }
});

async function outcomeOf(image: Image, boot: { cid: number; unsigned?: boolean }): Promise<NsmOutcome> {
  const enclave = await bootEnclave({ image: image.file, ...boot });
  try {
    return await hearReport<NsmOutcome>(enclave, 240_000);
  } finally {
    await enclave.close();
  }
}

async function holdCommands(context: TestContext, image: Image, commands: NsmOutcome['commands']): Promise<void> {
  const { pcr0, pcr1, pcr2 } = image.measurements;
  const prints = (name: keyof typeof commands, stdout: string): void =>
    assert.deepEqual(commands[name], { status: 0, stdout, stderr: '' });
  const refuses = (name: keyof typeof commands, status: number, stderr: RegExp): void => {
    assert.equal(commands[name].stdout, '');
    assert.match(commands[name].stderr, stderr);
    assert.equal(commands[name].status, status);
  };

  await context.test('nsm describe shows what the device is and which PCRs it has locked', () => {
    prints('describe', `module id  ${moduleId}\nversion    1.0.0\ndigest     SHA384\nPCRs       32, locked 0-15\n`);
    const lockedPcrs = Array.from({ length: 17 }, (_, index) => index);
    const about = { v: 1, moduleId, version: '1.0.0', digest: 'SHA384', maxPcrs: 32, lockedPcrs };
    prints('describeLocked', `${JSON.stringify(about)}\n`);
  });

  await context.test('nsm pcr read shows our measurements of the image', () => {
    const locked = [pcr0, pcr1, pcr2].map((value, index) => `PCR${index}   locked  ${toHex(value)}\n`);
    prints('read', `${locked.join('')}PCR16  open    ${zero}\n`);
  });

  await context.test('nsm pcr extend and lock change PCR16 once and for all', () => {
    prints('extend', `PCR16  open    ${extended}\n`);
    prints('lock', `PCR16  locked  ${extended}\n`);
    prints('readLocked', `${JSON.stringify({ v: 1, pcrs: [{ index: 16, locked: true, value: extended }] })}\n`);
  });

  await context.test('a locked PCR is refused in the device’s own word, with advice', () => {
    const advice = '\n {2}hint: a locked PCR stays locked';
    refuses('extendLocked', 1, new RegExp(`^caisson: nsm refused ExtendPCR of PCR 16: ReadOnlyIndex${advice}`));
    refuses('lockLocked', 1, new RegExp(`^caisson: nsm refused LockPCR of PCR 16: ReadOnlyIndex${advice}`));
    refuses('extendImage', 1, new RegExp(`^caisson: nsm refused ExtendPCR of PCR 0: ReadOnlyIndex${advice}`));
    refuses(
      'usage',
      64,
      /^caisson: PCR index must be an integer in 0\.\.31, got 32\n {2}hint: caisson nsm pcr [a-z]+ --help\n$/,
    );
  });

  await context.test('nsm random prints as many bytes as asked for, never the same', () => {
    const [once, again] = [commands.random.stdout, commands.randomAgain.stdout];
    assert.match(once, /^[0-9a-f]{512}\n$/);
    assert.match(again, /^[0-9a-f]{1200}\n$/);
    const draws = [once.slice(0, 512), again.slice(0, 512), again.slice(512, 1024)];
    assert.equal(new Set(draws).size, 3);
  });

  await context.test('nsm attest says what the document says and that nothing of it is proven', () => {
    const { attest } = commands;
    assert.deepEqual([attest.status, attest.stderr], [0, '']);
    const { verified, root, pcrs } = JSON.parse(attest.stdout) as {
      verified: boolean;
      root: string;
      pcrs: Record<string, string>;
    };
    assert.deepEqual([verified, root], [false, 'rig.nitro-enclaves']);
    assert.deepEqual([pcrs['0'], pcrs['16']], [toHex(pcr0), extended]);
  });
}

async function holdDocument(context: TestContext, image: Image, document: Buffer): Promise<void> {
  const { pcr0, pcr1, pcr2 } = image.measurements;
  const pcrs = { 0: toHex(pcr0), 1: toHex(pcr1), 2: toHex(pcr2), 16: extended };
  const demand = {
    roots: [rigRoot()],
    maxAgeSeconds: 300,
    pcrs,
    nonce: parseHex(asked.nonce),
    userData: parseHex(asked.userData),
    publicKey: parseHex(asked.publicKey),
  };

  await context.test(
    `the document of ${documentFile} holds under the rig’s root, with the PCRs of our image`,
    async () => {
      const verified = await verifyDocument(document, demand);
      assert.deepEqual([verified.root, verified.debug, verified.moduleId], ['custom', false, moduleId]);
      for (const [index, value] of Object.entries(pcrs)) assert.equal(verified.pcrs[Number(index)], value);
      // The hardware's leaf is bound to the enclave, and so is the rig's.
      assert.equal(verified.certificates.at(-1)?.subject, `CN=${moduleId}.rig.aws`);
      assert.deepEqual(verified.unknownFields, []);
    },
  );

  await context.test(
    'the same document is refused for another root, image or question, and with a bit changed',
    async () => {
      const { roots: _, ...underAws } = demand;
      await refuses(document, underAws, 'ROOT');
      for (const index of [0, 1, 2, 16])
        await refuses(document, { ...demand, pcrs: { ...pcrs, [index]: zero } }, 'PCR');
      await refuses(document, { ...demand, nonce: parseHex('a2'.repeat(32)) }, 'NONCE');
      await refuses(document, { ...demand, userData: new Uint8Array() }, 'USERDATA');
      await refuses(document, { ...demand, publicKey: parseHex(`${asked.publicKey}00`) }, 'PUBKEY');
      await refuses(document, { ...demand, at: Date.now() / 1000 + 2 * 86_400 }, 'TIME');
      const changed = Uint8Array.from(document);
      changed[document.indexOf(parseHex(asked.nonce))]! ^= 1;
      await refuses(changed, demand, 'SIG');
    },
  );
}

async function refuses(
  document: Uint8Array,
  options: VerifyDocumentOptions,
  expected: VerificationClass,
): Promise<void> {
  await assert.rejects(verifyDocument(document, options), (error: unknown) => {
    assert.ok(error instanceof VerificationError, String(error));
    assert.equal(error.class, expected, error.message);
    return true;
  });
}

function rigRoot(): string {
  return readFileSync(rigFile('pki/root.crt'), 'utf8');
}
