// The NSM for programs that speak lines instead of CBOR.
export type { LineOutcome } from './line-answer.ts';
export type { DocumentWanted, LineForm, LineRequest, LineWish } from './line-request.ts';
export { parseLineRequest } from './line-request.ts';
export type { LineBackend, ServeLinesOptions } from './serve-lines.ts';
export { serveLines } from './serve-lines.ts';
