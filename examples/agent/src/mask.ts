// What is hidden of a record, and what stays so that it is still of use. Lengths never change: whoever reads masked records sees the same columns.

// Given: addresses as people write them; ISO/IEC 7812 (12 to 19 digits, blanks or hyphens between); ISO 13616 (IBAN).
// Each begins at the beginning of a word and has an end (RFC 5321, 4.5.3.1): without them every letter of a long text would be tried with all that follow it, and
// who sends it is not trusted.
const personal =
  /\b(?:(?<email>[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}@[A-Za-z0-9.-]{1,253}\.[A-Za-z]{2,24})|(?<iban>[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}\b)|[0-9](?:[ -]?[0-9]){11,18}\b)/g;

/** E-mail addresses keep their first letter and what follows the last dot, cards that are none keep everything, others their last four. */
export function maskRecords(text: string): string {
  return text.replace(personal, (found, email, iban) => {
    if (email !== undefined) return maskBetween(found, 1, found.length - found.lastIndexOf('.'));
    if (iban !== undefined) return maskBetween(found, 2, 4);
    return hasCheckDigit(found) ? maskBetween(found, 0, 4) : found;
  });
}

/** Letters and digits only: the shape of what was there stays. */
function maskBetween(text: string, first: number, last: number): string {
  const end = text.length - last;
  return text.slice(0, first) + text.slice(first, end).replace(/[A-Za-z0-9]/g, '*') + text.slice(end);
}

/** Luhn: otherwise every long number would be a card. */
function hasCheckDigit(text: string): boolean {
  let sum = 0;
  let isDoubled = false;
  for (let at = text.length - 1; at >= 0; at -= 1) {
    const digit = text.charCodeAt(at) - 48;
    if (digit < 0 || digit > 9) continue;
    sum += isDoubled ? (digit > 4 ? digit * 2 - 9 : digit * 2) : digit;
    isDoubled = !isDoubled;
  }
  return sum % 10 === 0;
}
