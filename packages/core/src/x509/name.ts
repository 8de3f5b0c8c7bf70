// Distinguished names. They are compared as bytes (attestation documents never re-encode them), so a name is its DER;
// the text form is for people and for finding the common name, never for a decision about two names.
import { utf8Text } from '../bytes/index.ts';
import { DER_TAG, derOid, derPrintable, derSequence, derSet, derUtf8, openDer } from '../der/index.ts';
import { OID } from './oid.ts';

export interface NameAttribute {
  /** Dotted decimal. */
  readonly oid: string;
  readonly value: string;
}

/** One attribute per RDN, in the order given. Country as PrintableString (RFC 5280 appendix A), others as UTF8String. */
export function encodeName(attributes: readonly NameAttribute[]): Uint8Array<ArrayBuffer> {
  return derSequence(
    ...attributes.map(({ oid, value }) =>
      derSet(derSequence(derOid(oid), oid === OID.country ? derPrintable(value) : derUtf8(value))),
    ),
  );
}

/** All attributes in order; throws ParseError of the DER and BYTES rooms. */
export function parseName(name: Uint8Array): NameAttribute[] {
  const attributes: NameAttribute[] = [];
  const sets = openDer(name, DER_TAG.sequence, 'name');
  while (!sets.isAtEnd) {
    const set = sets.enter(DER_TAG.set, 'RDN');
    do {
      const pair = set.enter(DER_TAG.sequence, 'attribute');
      const oid = pair.takeOid('type');
      attributes.push({ oid, value: utf8Text(pair.takeAny('value').content) });
      pair.end();
    } while (!set.isAtEnd);
  }
  return attributes;
}

/** The first common name, or undefined. */
export function commonNameOf(name: Uint8Array): string | undefined {
  return parseName(name).find(({ oid }) => oid === OID.commonName)?.value;
}

const shortNames = new Map<string, string>([
  [OID.commonName, 'CN'],
  [OID.country, 'C'],
  [OID.locality, 'L'],
  [OID.state, 'ST'],
  [OID.organization, 'O'],
  [OID.organizationalUnit, 'OU'],
]);

/** `C=US, O=Amazon, CN=...` in the order of the name, control characters and separators escaped as in RFC 4514 2.4. */
export function nameText(name: Uint8Array): string {
  return parseName(name)
    .map(
      ({ oid, value }) => `${shortNames.get(oid) ?? oid}=${value.replace(/[,+"\\<>;=\u0000-\u001f\u007f]/g, escaped)}`,
    )
    .join(', ');
}

function escaped(character: string): string {
  return `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
