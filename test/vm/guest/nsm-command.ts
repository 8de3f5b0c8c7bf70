// The command lines that guest/nsm.ts runs, in this order: the NSM as a person in an enclave meets it.

export const asked = {
  nonce: 'a1'.repeat(32),
  userData: '756e64657220776174657200ff',
  publicKey: '30818902',
} as const;

export const extension = 'c0ffee';
export const documentFile = '/tmp/document.cbor';

export const nsmCommands = {
  describe: ['describe'],
  read: ['pcr', 'read', '0', '1', '2', '16'],
  extend: ['pcr', 'extend', '16', extension],
  lock: ['pcr', 'lock', '16'],
  extendLocked: ['pcr', 'extend', '16', extension],
  lockLocked: ['pcr', 'lock', '16'],
  extendImage: ['pcr', 'extend', '0', extension],
  describeLocked: ['describe', '--json'],
  readLocked: ['pcr', 'read', '16', '--json'],
  random: ['random'],
  randomAgain: ['random', '--bytes', '600'],
  attest: [
    ...['attest', '--out', documentFile, '--json', '--nonce', asked.nonce],
    ...['--user-data', asked.userData, '--public-key', asked.publicKey],
  ],
  usage: ['pcr', 'read', '32'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type NsmCommandName = keyof typeof nsmCommands;
