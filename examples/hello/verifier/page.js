// Asks the enclave for a document with a random question of its own, holds the answer to what the image on this machine measures, and shows each
// step. Everything that is decided is decided by @caisson/verify; this file only asks and shows.
import {
  attest,
  checkPolicy,
  fetchDocument,
  VERIFICATION_CLASSES,
  VerificationError,
  verifyDocument,
} from '/caisson-verify.js';

const { endpoint, policy: given } = await (await fetch('/expected.json')).json();
const expected = checkPolicy(given);
const names = {
  0: 'the whole image',
  1: 'kernel and first ramdisk',
  2: 'the application',
  8: 'who signed the image',
};
const checks = {
  CBOR: 'well formed',
  COSE: 'an envelope',
  DOC: 'all fields',
  CERT: 'certificates',
  ROOT: 'a root we trust',
  CHAIN: 'the chain',
  TIME: 'valid now',
  SIG: 'signed',
  AGE: 'fresh',
  DEBUG: 'no debug mode',
  PCR: 'measurements',
  NONCE: 'our question',
  USERDATA: 'made for the web',
  POLICY: 'version, profile',
};
const refusals = {
  SIG: 'The document is not what the security module signed: somebody changed it on its way.',
  ROOT: 'The document is signed by a root that this machine does not trust.',
  PCR: 'Another image runs there than the one that is expected.',
};

const $ = (id) => document.getElementById(id);
const simulated = expected.backend !== 'nitro';
$('simulated').hidden = !simulated;
$('simulated').querySelector('span').textContent =
  'The root that signs here was made by this machine. Everything below is checked as it would be on hardware, and none of it proves hardware.';

for (const button of document.querySelectorAll('button')) {
  button.addEventListener('click', () => ask(button.dataset.action));
}
let asked = 0;
await ask('ask');

async function ask(action) {
  // An enclave decides how long an answer takes: one to an earlier question must not stand over a later verdict.
  asked += 1;
  const mine = asked;
  const policy = action === 'policy' ? otherImage(expected) : expected;
  let received;
  const get = async (url, limits) => {
    const answer = await fetchDocument(url, limits);
    received = action === 'tamper' ? { ...answer, body: flipBit(answer.body) } : answer;
    return received;
  };
  show({ verdict: 'asking', title: 'Asking the enclave …', reason: '', policy });
  try {
    const attested = await attest(endpoint, policy, { get });
    if (mine !== asked) return;
    show({
      verdict: 'held',
      title: 'Yes: this is the image that was built here.',
      reason: attested.bound
        ? 'And whoever has the key of this connection is that enclave.'
        : 'Genuine, fresh and the same image. bound: false: a page cannot see the TLS key of its connection, so something between you and the enclave could have passed this document on. Send nothing that only the enclave may read.',
      policy,
      attested,
      bytes: received.body.length,
    });
  } catch (error) {
    const isRefusal = error instanceof VerificationError;
    const genuine = isRefusal ? await readGenuine(received?.body) : undefined;
    if (mine !== asked) return;
    show({
      verdict: 'refused',
      title: isRefusal ? 'No. Do not trust it.' : 'There is no answer.',
      reason: `${demonstration(action)}${isRefusal ? (refusals[error.class] ?? '') : ''}`,
      // Values that differ stand in the table.
      error: error.class === 'PCR' ? error.code : `${error.code}: ${error.message}`,
      policy,
      failed: isRefusal ? error.class : undefined,
      attested: genuine,
    });
  }
  document.title = `${document.body.dataset.verdict} – Caisson verifier`;
}

// What is in a document that is genuine, whatever it measures: to show the difference. Undefined when nothing in it can be believed.
async function readGenuine(bytes) {
  try {
    return await verifyDocument(bytes, { ...(simulated && { roots: expected.roots }), allowDebug: true });
  } catch {
    return undefined;
  }
}

function show({ verdict, title, reason, error = '', policy, failed, attested, bytes }) {
  document.body.dataset.verdict = verdict;
  document.querySelector('h1').textContent = title;
  $('reason').textContent = reason.trim();
  $('error').textContent = error;
  $('pcrs').replaceChildren(
    ...Object.entries(policy.pcrs).map(([index, values]) => {
      const wanted = [values].flat();
      const seen = attested?.pcrs[index];
      const state = seen === undefined ? 'unknown' : wanted.includes(seen) ? 'held' : 'refused';
      const mark = { held: '✓', refused: '✗', unknown: '' }[state];
      return element('tr', { class: state }, [
        element('th', { scope: 'row' }, [`PCR${index}`, element('small', {}, [names[index] ?? ''])]),
        element('td', {}, [
          element('span', { class: 'mark' }, [mark]),
          ...(state === 'held'
            ? [valueLine('both', wanted.join(' or '))]
            : [
                valueLine('expected', wanted.join(' or ')),
                valueLine('seen', seen ?? (verdict === 'asking' ? '…' : 'nothing that can be believed')),
              ]),
        ]),
      ]);
    }),
  );
  const at = VERIFICATION_CLASSES.indexOf(failed);
  $('checks').replaceChildren(
    ...VERIFICATION_CLASSES.filter((name) => name in checks).map((name) => {
      const place = VERIFICATION_CLASSES.indexOf(name);
      const state = verdict === 'held' || place < at ? 'held' : place === at ? 'refused' : 'unknown';
      return element('li', { class: state }, [`${{ held: '✓ ', refused: '✗ ', unknown: '' }[state]}${checks[name]}`]);
    }),
  );
  const facts = attested === undefined ? [] : factsOf(attested, bytes);
  $('facts-section').hidden = facts.length === 0;
  $('facts').replaceChildren(
    ...facts.map(([name, value]) =>
      element('div', {}, [element('dt', {}, [name]), element('dd', { class: 'hex' }, [value])]),
    ),
  );
}

function valueLine(label, value) {
  return element('div', { class: 'value' }, [element('span', {}, [label]), element('code', { class: 'hex' }, [value])]);
}

function factsOf({ moduleId, timestamp, root, claims, certificates, pcrs }, bytes) {
  return [
    ['enclave', moduleId],
    ['made at', new Date(timestamp).toISOString()],
    ['root', root === 'aws' ? 'AWS Nitro Enclaves' : `made here (${certificates[0].subject})`],
    [
      'image',
      claims === undefined
        ? 'says nothing'
        : `version ${claims.imageVersion ?? 'none'}, profile ${claims.profile ?? 'none'}`,
    ],
    ['PCR16, boot config', pcrs[16] === undefined ? 'not fixed' : pcrs[16]],
    ...(bytes === undefined ? [] : [['size', `${bytes} bytes`]]),
  ];
}

function flipBit(bytes) {
  const changed = bytes.slice();
  changed[changed.length - 1] ^= 1;
  return changed;
}

function otherImage(policy) {
  const [first] = [policy.pcrs[0]].flat();
  const other = (first[0] === '0' ? '1' : '0') + first.slice(1);
  return { ...policy, pcrs: { ...policy.pcrs, 0: [other] } };
}

function demonstration(action) {
  if (action === 'tamper') return 'As you asked, this page flipped one bit of the answer before it looked. ';
  return action === 'policy' ? 'As you asked, this page expects one digit of PCR0 to be another. ' : '';
}

function element(name, attributes, children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
