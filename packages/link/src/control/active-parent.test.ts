// T-P2: the parent is between the operator and the enclave, and may do with bytes, keys, documents and time what he likes. The operator's first secret
// byte is the first request of the channel; in every attack here it never leaves, or nothing of it reaches anybody but the proven enclave.
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { after, describe, test } from 'node:test';
import { TLSSocket, type TLSSocketOptions } from 'node:tls';
import { concatBytes, equalBytes, parseHex, toUtf8 } from '@caisson/core/bytes';
import { decodeCbor, encodeCbor } from '@caisson/core/cbor';
import { encodeName, issueCertificate, OID, toPem } from '@caisson/core/x509';
import { createSimulatedAuthority } from '@caisson/host/simulator';
import { laneFigure } from '@caisson/testkit/contract';
import {
  type ControlScene,
  type ControlSceneOptions,
  createControlScene,
  createWire,
  otherPcr0,
  type Tamper,
  testOperator,
} from '@caisson/testkit/control';
import { checkPolicy } from '@caisson/verify/policy';
import { encodeBinding } from './binding.ts';
import {
  type ConnectControlOptions,
  type ControlHandlers,
  createControlIdentity,
  type IssueDocument,
} from './index.ts';
import { MessageStream } from './message-stream.ts';
import { CONTROL_ALPN, MAX_CLIENT_MESSAGE_BYTES } from './messages.ts';
import { secureStream } from './secure.ts';

const secret = toUtf8('the first secret byte');
const runs = laneFigure('T-P2');
const heard: Uint8Array[] = [];
const handlers: ControlHandlers = {
  64: {
    verb: 'exec',
    answer(payload) {
      heard.push(payload);
      return undefined;
    },
  },
};
const scenes: ControlScene[] = [];
after(async () => {
  for (const scene of scenes) await scene.close();
});

async function sceneOf(options: ControlSceneOptions = {}): Promise<ControlScene> {
  const scene = await createControlScene({ handlers, handshakeTimeoutMs: 2_000, ...options });
  scenes.push(scene);
  return scene;
}

/** As often as the lane says: opens a session by `options`, and if that holds sends the secret. It must not. */
async function mustNotOpen(scene: ControlScene, codes: RegExp, options: () => Promise<Partial<ConnectControlOptions>>) {
  for (let run = 0; run < runs; run += 1) {
    heard.length = 0;
    const attempt = scene.connect({ timeoutMs: 1_500, ...(await options()) }).then(async (session) => {
      await session.channel.request(64, secret);
    });
    await assert.rejects(attempt, (error: { code?: string }) => {
      assert.match(error.code ?? String(error), codes);
      return true;
    });
    assert.deepEqual(heard, []);
  }
}

/** The whole way through the parent's hands, each chunk. */
function through(scene: ControlScene, toEnclave?: Tamper, toOperator?: Tamper) {
  return {
    async dial() {
      const [near, far] = createWire([toEnclave, toOperator]);
      const onward = await scene.dial();
      far.on('error', () => {}).pipe(onward);
      onward.on('error', () => {}).pipe(far);
      far.once('close', () => onward.destroy());
      onward.once('close', () => far.destroy());
      return near;
    },
  };
}

type Fields = Parameters<IssueDocument>[0];

describe('T-P2 a document that was made for something else', () => {
  /** `change` gets the map of user_data. */
  const bound =
    (change: (map: Map<number, unknown>) => void): NonNullable<ControlSceneOptions['issue']> =>
    (fields, nsm) => {
      const prefix = fields.userData.subarray(0, 8);
      const map = decodeCbor(fields.userData.subarray(8)) as unknown as Map<number, unknown>;
      change(map);
      return nsm.attestation({ ...fields, userData: concatBytes(prefix, encodeCbor(map as never)) });
    };
  const asked =
    (
      change: (fields: Fields) => Partial<Record<keyof Fields, Uint8Array | null>>,
    ): NonNullable<ControlSceneOptions['issue']> =>
    (fields, nsm) =>
      nsm.attestation({ ...fields, ...change(fields) });
  const wrong = (length: number) => new Uint8Array(length).fill(7);

  const attacks: readonly (readonly [string, NonNullable<ControlSceneOptions['issue']>, RegExp])[] = [
    ['another session’s exporter', bound((map) => map.set(2, wrong(48))), /^CONTROL_BINDING$/],
    ['another enclave’s key hash', bound((map) => map.set(3, wrong(32))), /^CONTROL_BINDING$/],
    ['another operator’s key hash', bound((map) => map.set(4, wrong(32))), /^CONTROL_BINDING$/],
    ['client and server exchanged', bound((map) => swap(map, 3, 4)), /^CONTROL_BINDING$/],
    ['the web’s purpose', bound((map) => map.set(1, 'caisson-web/1')), /^CONTROL_BINDING$/],
    ['a later purpose', bound((map) => map.set(1, 'caisson-control/2')), /^CONTROL_BINDING$/],
    ['no exporter', bound((map) => map.delete(2)), /^CONTROL_BINDING$/],
    [
      'an exporter cut short',
      bound((map) => map.set(2, (map.get(2) as Uint8Array).subarray(0, 32))),
      /^CONTROL_BINDING$/,
    ],
    ['a field more', bound((map) => map.set(10, 'x')), /^CONTROL_BINDING$/],
    ['a boot id of another form', bound((map) => map.set(5, 'boot')), /^CONTROL_BINDING$/],
    ['a profile of its own', bound((map) => map.set(9, 'trusted')), /^CONTROL_BINDING$/],
    [
      'an application’s user_data',
      asked(() => ({ userData: toUtf8('{"purpose":"caisson-control/1"}') })),
      /^CONTROL_BINDING$/,
    ],
    ['no user_data', asked(() => ({ userData: null })), /^CONTROL_BINDING$/],
    ['another nonce', asked(() => ({ nonce: wrong(32) })), /^VERIFY_NONCE$/],
    ['no nonce', asked(() => ({ nonce: null })), /^VERIFY_NONCE$/],
    ['another public key', asked(() => ({ publicKey: wrong(44) })), /^VERIFY_PUBLIC_KEY$/],
    ['no public key', asked(() => ({ publicKey: null })), /^VERIFY_PUBLIC_KEY$/],
    ['no document at all', async () => toUtf8('not a document'), /^(?:VERIFY|COSE|CBOR)_/],
  ];
  for (const [name, issue, codes] of attacks) {
    test(`is refused: ${name}`, async () => {
      const scene = await sceneOf({ issue });
      await mustNotOpen(scene, codes, async () => ({}));
    });
  }

  test('is refused: one that was recorded in an earlier session', async () => {
    let recorded: Uint8Array | undefined;
    const scene = await sceneOf({
      async issue(fields, nsm) {
        recorded ??= await nsm.attestation(fields);
        return recorded;
      },
    });
    await (await scene.connect()).close();
    await mustNotOpen(scene, /^VERIFY_NONCE$/, async () => ({}));
  });

  test('is refused: one that was bent on the way out of the NSM', async () => {
    let run = 0;
    const scene = await sceneOf({
      async issue(fields, nsm) {
        const document = Uint8Array.from(await nsm.attestation(fields));
        run += 1;
        // Spread over the whole: headers, payload, certificates, signature.
        const at = (run * 997) % document.length;
        document[at] = document[at]! ^ (1 << (run % 8));
        return document;
      },
    });
    for (let round = 0; round < 12; round += 1)
      await mustNotOpen(scene, /^(?:VERIFY|CONTROL_BINDING|X509|COSE|CBOR|DER|ATTESTATION|BYTES)/, async () => ({}));
  });
});

describe('T-P2 an enclave that is not the one that the policy wants', () => {
  test('is refused: another image under the same root', async () => {
    const [wanted, other] = [await sceneOf(), await sceneOf({ pcr0: otherPcr0() })];
    await mustNotOpen(other, /^VERIFY_PCR$/, async () => ({ policy: wanted.policy }));
  });

  test('is refused: the right numbers under a root of the parent’s own', async () => {
    const wanted = await sceneOf();
    const fake = await sceneOf({ ca: await createSimulatedAuthority() });
    await mustNotOpen(fake, /^VERIFY_ROOT$/, async () => ({ policy: wanted.policy }));
  });

  test('is refused: a simulated enclave where the policy wants hardware', async () => {
    const scene = await sceneOf();
    const policy = checkPolicy({ pcrs: { 0: 'ab'.repeat(48) } });
    await mustNotOpen(scene, /^VERIFY_ROOT$/, async () => ({ policy }));
  });

  test('is refused: a development image, an older image, an older config, a config that is not fixed', async () => {
    const development = await sceneOf({ profile: 'development' });
    await mustNotOpen(development, /^VERIFY_PROFILE$/, async () => ({
      policy: checkPolicy({ ...development.policy, allowDevelopment: false }),
    }));
    const scene = await sceneOf();
    const strict = (change: object) => async () => ({ policy: checkPolicy({ ...scene.policy, ...change }) });
    await mustNotOpen(scene, /^VERIFY_VERSION$/, strict({ image: { minimumVersion: 4 } }));
    await mustNotOpen(scene, /^VERIFY_PCR$/, strict({ config: { minimumVersion: 8 } }));
  });

  test('is refused: its document a day later', async () => {
    const scene = await sceneOf();
    await mustNotOpen(scene, /^X509_VALIDITY$/, async () => ({ now: () => Date.now() / 1_000 + 86_400 }));
  });

  test('is refused before anything is said where the way is somebody else’s and the root is not AWS’s', async () => {
    const scene = await sceneOf();
    let dialled = 0;
    const options = { refuseSimulated: true, dial: () => scene.dial().finally(() => (dialled += 1)) };
    await mustNotOpen(scene, /^CONTROL_SIMULATED$/, async () => options);
    assert.equal(scene.documents(), 0);
    assert.equal(dialled, 0);
  });
});

describe('T-P2 a parent who ends TLS himself', () => {
  /** Says what an enclave says, with a key of his own, and gives the document that `obtain` gets him. Keeps what the operator said inside. */
  async function impostor(obtain: (nonce: Uint8Array, operatorKey: Uint8Array) => Promise<Uint8Array>) {
    const identity = await createControlIdentity();
    const inside: string[] = [];
    const dial = async () => {
      const [near, far] = createWire();
      void (async () => {
        const { tls, peerSpki } = await secureStream(far, 'server', identity, 2_000);
        const messages = new MessageStream(tls, {
          maxBytes: MAX_CLIENT_MESSAGE_BYTES,
          deadlineMs: performance.now() + 2_000,
        });
        const hello = await messages.next();
        inside.push(hello.kind);
        if (hello.kind === 'hello') messages.send({ kind: 'attest', document: await obtain(hello.nonce, peerSpki) });
        inside.push((await messages.next()).kind);
      })().catch(() => {});
      return near;
    };
    return { identity, dial, inside };
  }

  test('and passes on a document that the real enclave made for his own session with the operator’s nonce', async () => {
    // He is an operator himself, of few verbs: the worst that a list can have.
    const mallory = await testOperator('mallory', []);
    const scene = await sceneOf({ operators: [mallory.entry] });
    const man = await impostor(async (nonce) => {
      const { tls } = await secureStream(await scene.dial(), 'client', mallory.identity, 2_000);
      const messages = new MessageStream(tls, { maxBytes: 16_384, deadlineMs: performance.now() + 2_000 });
      messages.send({ kind: 'hello', nonce });
      const answer = await messages.next();
      assert.equal(answer.kind, 'attest');
      tls.destroy();
      return answer.kind === 'attest' ? answer.document : new Uint8Array();
    });
    await mustNotOpen(scene, /^VERIFY_PUBLIC_KEY$/, async () => ({ dial: man.dial }));
    assert.deepEqual(new Set(man.inside), new Set(['hello']), 'he has heard a nonce and nothing else');
  });

  test('and signs a document himself, with everything in it right but the root', async () => {
    const scene = await sceneOf();
    const fake = await createControlScene({ ca: await createSimulatedAuthority() });
    scenes.push(fake);
    const man = await impostor(async (nonce, operatorKey) => {
      const hash = (bytes: Uint8Array): Uint8Array => Uint8Array.from(createHash('sha256').update(bytes).digest());
      const session = {
        exporterSha384: new Uint8Array(48),
        clientKeySha256: hash(operatorKey),
        serverKeySha256: hash(man.identity.spki),
      };
      const { createSimulatedNsm } = await import('@caisson/host/simulator');
      const { createNsmClient } = await import('@caisson/core/nitro');
      const nsm = createNsmClient(createSimulatedNsm({ authority: fake.ca, pcrs: { 0: 'ab'.repeat(48) } }));
      return nsm.attestation({ nonce, publicKey: man.identity.spki, userData: encodeBinding(session, scene.facts) });
    });
    await mustNotOpen(scene, /^VERIFY_ROOT$/, async () => ({ dial: man.dial }));
    assert.ok(!man.inside.includes('ready'));
  });

  test('and offers TLS of another kind gets a greeting at most', async () => {
    const scene = await sceneOf();
    const { key, certificate: cert } = await createControlIdentity();
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const name = encodeName([{ oid: OID.commonName, value: 'caisson-control' }]);
    const other = await issueCertificate(
      {
        serial: Uint8Array.of(1),
        issuer: name,
        subject: name,
        notBefore: 0,
        notAfter: 4_000_000_000,
        publicKey: Uint8Array.from(publicKey.export({ type: 'spki', format: 'der' })),
        extensions: [],
      },
      privateKey.toCryptoKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign']),
    );
    const ecdsa = {
      key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
      cert: toPem('CERTIFICATE', other),
    };
    const kinds: readonly TLSSocketOptions[] = [
      { key, cert, ALPNProtocols: [CONTROL_ALPN], maxVersion: 'TLSv1.2' },
      { key, cert, ALPNProtocols: ['h2'], minVersion: 'TLSv1.3' },
      { key, cert, minVersion: 'TLSv1.3' },
      { ...ecdsa, ALPNProtocols: [CONTROL_ALPN], minVersion: 'TLSv1.3' },
    ];
    for (const kind of kinds) {
      const inside: Buffer[] = [];
      await mustNotOpen(scene, /^CONTROL_(?:TLS|KEY|CLOSED)$/, async () => ({
        async dial() {
          const [near, far] = createWire();
          const tls = new TLSSocket(far, { ...kind, isServer: true });
          tls.on('error', () => {}).on('data', (bytes: Buffer) => inside.push(bytes));
          return near;
        },
      }));
      assert.deepEqual(inside, [], 'nothing was said inside it');
    }
  });

  test('and reflects the operator to himself', async () => {
    const scene = await sceneOf();
    await mustNotOpen(scene, /^CONTROL_(?:TLS|CLOSED|TIMEOUT)$/, async () => ({
      timeoutMs: 400,
      async dial() {
        const [near, far] = createWire();
        far.pipe(far);
        return near;
      },
    }));
  });
});

describe('T-P2 a parent who works on the bytes of a session', () => {
  const broken = /^(?:CONTROL_(?:TLS|CLOSED|TIMEOUT|MESSAGE)|CHANNEL_(?:LOST|DEADLINE|SILENT))$/;

  async function recorded(scene: ControlScene): Promise<{ up: Buffer; down: Buffer }> {
    const [up, down]: [Buffer[], Buffer[]] = [[], []];
    const keep =
      (list: Buffer[]): Tamper =>
      (bytes, pass) => {
        list.push(Buffer.from(bytes));
        pass(bytes);
      };
    const session = await scene.connect(through(scene, keep(up), keep(down)));
    await session.channel.request(64, secret);
    await session.close();
    return { up: Buffer.concat(up), down: Buffer.concat(down) };
  }

  test('learns no byte of what is said', async () => {
    const scene = await sceneOf();
    const { up, down } = await recorded(scene);
    assert.ok(equalBytes(heard.at(-1)!, secret));
    assert.ok(!up.includes(Buffer.from(secret)) && !down.includes(Buffer.from(parseHex(scene.policy.pcrs[0]![0]!))));
  });

  test('and replays a whole recorded session to the enclave gets nothing run', async () => {
    const scene = await sceneOf();
    const { up } = await recorded(scene);
    for (let run = 0; run < runs; run += 1) {
      heard.length = 0;
      const stream = await scene.dial();
      stream.on('error', () => {}).resume();
      stream.write(up);
      await new Promise((resolve) => stream.once('end', resolve).once('close', resolve));
      stream.destroy();
      assert.deepEqual(heard, []);
    }
  });

  test('and replays a whole recorded session to the operator gets no secret', async () => {
    const scene = await sceneOf();
    const { down } = await recorded(scene);
    await mustNotOpen(scene, broken, async () => ({
      async dial() {
        const [near, far] = createWire();
        far.on('error', () => {}).resume();
        far.write(down);
        return near;
      },
    }));
  });

  const every = (count: number, change: (bytes: Buffer, pass: (bytes: Buffer) => void) => void): Tamper => {
    let seen = 0;
    return (bytes, pass) => {
      seen += 1;
      if (seen === count) change(bytes, pass);
      else pass(bytes);
    };
  };
  const flip = (bytes: Buffer, pass: (bytes: Buffer) => void): void => {
    const bent = Buffer.from(bytes);
    const at = Math.floor(bent.length * 0.6);
    bent[at] = bent[at]! ^ 0x10;
    pass(bent);
  };
  const held: Buffer[] = [];
  const ways: readonly (readonly [string, () => Tamper])[] = [
    ['bends a byte of the first', () => every(1, flip)],
    ['bends a byte of the second', () => every(2, flip)],
    ['drops the first', () => every(1, () => {})],
    ['drops the second', () => every(2, () => {})],
    ['says the first twice', () => every(1, (bytes, pass) => pass(Buffer.concat([bytes, bytes])))],
    ['says the second twice', () => every(2, (bytes, pass) => pass(Buffer.concat([bytes, bytes])))],
    [
      'puts bytes between',
      () => every(2, (bytes, pass) => pass(Buffer.concat([Buffer.from('\x17\x03\x03\x00\x05hello'), bytes]))),
    ],
    ['cuts the second in half and ends', () => every(2, (bytes, pass) => pass(bytes.subarray(0, bytes.length >> 1)))],
    [
      'turns two around',
      () => {
        held.length = 0;
        return (bytes, pass) => {
          held.push(Buffer.from(bytes));
          if (held.length === 2) for (const one of held.splice(0).reverse()) pass(one);
        };
      },
    ],
  ];
  for (const [way, tamper] of ways) {
    test(`and ${way} of the enclave’s chunks gets no secret`, async () => {
      const scene = await sceneOf({ handshakeTimeoutMs: 150 });
      await mustNotOpen(scene, broken, async () => ({ ...through(scene, undefined, tamper()), timeoutMs: 150 }));
    });
    test(`and ${way} of the operator’s chunks gets nothing run`, async () => {
      const scene = await sceneOf({ handshakeTimeoutMs: 150 });
      for (let run = 0; run < runs; run += 1) {
        heard.length = 0;
        const options = { ...through(scene, tamper()), timeoutMs: 150 };
        const session = await scene.connect(options).catch(() => undefined);
        await session?.channel.request(64, secret, { deadlineMs: 150 }).catch(() => {});
        session?.channel.destroy();
        assert.deepEqual(heard, []);
      }
    });
  }

  test('and moves an open session to another enclave ends it', async () => {
    const scene = await sceneOf();
    const other = await sceneOf();
    let target: 'first' | 'second' = 'first';
    const second = await other.dial();
    second.on('error', () => {});
    const session = await scene.connect(
      through(scene, (bytes, pass) => {
        if (target === 'first') pass(bytes);
        else second.write(bytes);
      }),
    );
    target = 'second';
    heard.length = 0;
    await assert.rejects(session.channel.request(64, secret, { deadlineMs: 150 }));
    assert.deepEqual(heard, []);
    session.channel.destroy();
    second.destroy();
  });
});

function swap(map: Map<number, unknown>, left: number, right: number): void {
  const kept = map.get(left);
  map.set(left, map.get(right));
  map.set(right, kept);
}
