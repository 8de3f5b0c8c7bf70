// Kept output of a stranger on a person's terminal (P-P7): lines and tabs as they are, every other control character, and what reorders or hides
// text, as an escape.
const unsafe = /(?![\n\t])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{DI}]/gu;

/** Keeps its place between chunks, so that a character that is cut in two is one. */
export function createHarmless(): (bytes: Uint8Array) => string {
  const decoder = new TextDecoder();
  return (bytes) => decoder.decode(bytes, { stream: true }).replace(unsafe, escapeUnits);
}

/** The same for a text that is whole. */
export function harmlessText(text: string): string {
  return text.replace(unsafe, escapeUnits);
}

function escapeUnits(character: string): string {
  return [...Array(character.length).keys()]
    .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
    .join('');
}
