// Kept output of a stranger on a person's terminal (P-P7): lines and tabs as they are, also where a line ends as a serial console has it, every other
// control character, and what reorders or hides text, as an escape.
const unsafe = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]/gu;

/** Keeps its state between chunks, so that a character or a line end that is split between two is seen as one. */
export function createHarmless(): (bytes: Uint8Array) => string {
  const decoder = new TextDecoder();
  let held = '';
  return (bytes) => {
    const text = held + decoder.decode(bytes, { stream: true });
    held = text.endsWith('\r') ? '\r' : '';
    return harmlessText(held === '' ? text : text.slice(0, -1));
  };
}

/** The same for a complete text. */
export function harmlessText(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(unsafe, escapeUnits);
}

function escapeUnits(character: string): string {
  return [...Array(character.length).keys()]
    .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
    .join('');
}
