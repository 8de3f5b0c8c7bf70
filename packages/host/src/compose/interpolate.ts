// `${NAME}`, `${NAME:-default}` and `$$` in values of caisson.yaml. Only in values, never in keys, and after the YAML was read: what a
// variable holds cannot become another part of the file. A name without a value is a fault: an empty word in its place would be
// found much later.
import { type Document, isScalar, visit } from 'yaml';

export type Variables = Readonly<Record<string, string | undefined>>;

interface TextFault {
  readonly offset: number;
  readonly message: string;
}

// Chosen: the names of POSIX.
const reference = /\$(?:\$|\{([A-Za-z_][A-Za-z0-9_]*)(?:(:?-)((?:[^{}$]|\$\$)*))?\}|)/g;

/** Changes the texts of `document`; returns what it could not replace. */
export function interpolate(document: Document, variables: Variables): TextFault[] {
  const faults: TextFault[] = [];
  visit(document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string' || !isScalar(node)) return;
      const offset = node.range?.[0] ?? 0;
      const text = node.value.replace(reference, (whole, name?: string, form?: string, fallback?: string) => {
        if (whole === '$$') return '$';
        if (name === undefined) {
          // biome-ignore lint/suspicious/noTemplateCurlyInString: that is what people are to write
          faults.push({ offset, message: 'a $ must begin ${NAME} or ${NAME:-default}, or be written $$' });
          return whole;
        }
        // `constructor` is a name of POSIX, and every object has one.
        const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
        if (value !== undefined && (value !== '' || form !== ':-')) return value;
        if (fallback !== undefined) return fallback.replaceAll('$$', '$');
        faults.push({ offset, message: `variable ${name} has no value; give one, or a default: \${${name}:-default}` });
        return whole;
      });
      if (text !== node.value) {
        // A number that came from a variable is a number, as if it stood there; quotes keep it a text.
        node.value = node.type === 'PLAIN' && /^(0|-?[1-9][0-9]{0,14})$/.test(text) ? Number(text) : text;
      }
    },
  });
  return faults;
}
