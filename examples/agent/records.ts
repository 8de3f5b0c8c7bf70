// Records made up from a number, with what must not be seen of them, and the check that it is not.

export interface RecordBatch {
  /** Lines `id;name;email;card;iban;amount`. */
  readonly text: string;
  /** Three of each record. */
  readonly secrets: readonly string[];
}

const names = ['Ada Byron', 'Grace Murray', 'Alan Mathison', 'Barbara Jane', 'Edsger Wybe', 'Frances Elizabeth'];

/** As many whole records as fit into `bytes`. */
export function createRecords(seed: number, bytes: number): RecordBatch {
  const next = createNumbers(seed);
  const lines: string[] = [];
  const secrets: string[] = [];
  let length = 0;
  for (;;) {
    const name = names[next(names.length)]!;
    const email = `${name.toLowerCase().replace(' ', '.')}${next(10_000)}@mail${next(100)}.example.org`;
    const card = withCheckDigit(`4${digits(next, 14)}`);
    const iban = `DE${10 + next(90)}${digits(next, 18)}`;
    const line = `${100_000 + next(900_000)};${name};${email};${card};${iban};${next(100_000)}.00\n`;
    if (length + line.length > bytes) return { text: lines.join(''), secrets };
    length += line.length;
    lines.push(line);
    secrets.push(email, card, iban);
  }
}

/** Throws at the first fault: a secret that is still there, or anything else that is not. */
export function verifyMasked({ text, secrets }: RecordBatch, masked: Uint8Array): void {
  const seen = Buffer.from(masked).toString('latin1');
  if (seen.length !== text.length) throw new Error(`masked records must have ${text.length} bytes, got ${seen.length}`);
  const secret = secrets.find((one) => seen.includes(one));
  if (secret !== undefined) throw new Error(`a masked record must not show ${secret}`);
  const [before, after] = [text.split('\n'), seen.split('\n')];
  for (const [index, line] of before.entries()) {
    const [wanted, got] = [line.split(';'), (after[index] ?? '').split(';')];
    for (const field of [0, 1, 5]) {
      if (got[field] !== wanted[field])
        throw new Error(`record ${index} must keep ${wanted[field]}, got ${got[field]}`);
    }
  }
}

function createNumbers(seed: number): (below: number) => number {
  let state = Math.imul(seed, 2_654_435_761) >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function digits(next: (below: number) => number, count: number): string {
  return Array.from({ length: count }, () => next(10)).join('');
}

function withCheckDigit(text: string): string {
  const sum = [...text].reduce((total, digit, index) => {
    const doubled = Number(digit) * ((text.length - index) % 2 === 1 ? 2 : 1);
    return total + (doubled > 9 ? doubled - 9 : doubled);
  }, 0);
  return `${text}${(10 - (sum % 10)) % 10}`;
}
