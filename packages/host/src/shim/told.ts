// The one line that a starting shim writes to its starter: it is up, or why it is not.

export type Told =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly hint: string | null };

export function formatTold(told: Told): string {
  return `${JSON.stringify({ v: 1, ...told })}\n`;
}

/** Undefined for anything else, which means that the shim ended before it could say. */
export function parseTold(text: string): Told | undefined {
  try {
    const { v, ok, code, message, hint } = JSON.parse(text) as Record<string, unknown>;
    if (v !== 1) return undefined;
    if (ok === true) return { ok };
    if (ok !== false || typeof code !== 'string' || typeof message !== 'string') return undefined;
    return { ok, code, message, hint: typeof hint === 'string' ? hint : null };
  } catch {
    return undefined;
  }
}
