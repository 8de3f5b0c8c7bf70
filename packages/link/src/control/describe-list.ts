// An operator list in words, for whoever is asked to approve it: all of it, because what he does not see he cannot refuse. It is not verified here; the
// enclave takes no list but of its root key.
import { toHex } from '@caisson/core/bytes';
import { plain } from '@caisson/core/log';
import { parseOperatorList } from './operator-list.ts';

/** Returns one line that drives no terminal. Throws ParseError CONTROL_LIST_FORM. */
export function describeOperatorList(bytes: Uint8Array): string {
  const { version, notAfter, target, operators } = parseOperatorList(bytes);
  const images = target.kind === 'label' ? `label ${target.label}` : `PCR0 ${target.values.map(toHex).join(' or ')}`;
  const people = operators.map(({ name, spkiSha256, verbs, execTemplates }) => {
    const templates = execTemplates.length === 0 ? '' : ` running ${JSON.stringify(execTemplates)}`;
    return `${name} (key ${spkiSha256}) may ${verbs.join(', ') || 'nothing but look'}${templates}`;
  });
  const until = new Date(notAfter * 1_000).toISOString();
  return plain(`put operator list ${version} for ${images} into force until ${until}: ${people.join('; ')}`);
}
