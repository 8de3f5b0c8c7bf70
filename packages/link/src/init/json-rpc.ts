// JSON-RPC 2.0 on the same socket with the same names: single calls, batches, notifications, and the errors that its specification
// names (https://www.jsonrpc.org/specification). A document is one of these when it is an array or has the member `jsonrpc`.
import { isJsonArray, isJsonObject, JsonNumber, type JsonValue } from '@caisson/core/config';
import { CaissonError } from '@caisson/core/errors';
import type { InitReply, InitRequest } from './messages.ts';
import { parseCall } from './parse-request.ts';

// Chosen: a batch is answered one by one, and its answer is one document.
const mostCalls = 64;
// Given: section 5.1 of the specification; -32000 is the first that a server may define.
const codes = { request: -32_600, method: -32_601, params: -32_602, internal: -32_603, refused: -32_000 } as const;

export type RpcId = string | number | null;
/** `id` undefined: a notification, which gets no answer, not even of its failure. */
export interface RpcCall {
  readonly id: RpcId | undefined;
  readonly request: InitRequest;
}

export function isRpc(document: JsonValue): boolean {
  return isJsonArray(document) || (isJsonObject(document) && document.has('jsonrpc'));
}

/** Asks `answer` for each call in order; undefined when nothing is to be sent. */
export async function answerRpc(
  document: JsonValue,
  answer: (call: RpcCall) => Promise<InitReply>,
): Promise<unknown | undefined> {
  if (!isJsonArray(document)) return answerOne(document, answer);
  if (document.length === 0 || document.length > mostCalls) {
    return rpcError(null, codes.request, `a batch must have 1..${mostCalls} calls, got ${document.length}`);
  }
  const answers: unknown[] = [];
  for (const one of document) {
    const said = await answerOne(one, answer);
    if (said !== undefined) answers.push(said);
  }
  return answers.length === 0 ? undefined : answers;
}

async function answerOne(
  document: JsonValue,
  answer: (call: RpcCall) => Promise<InitReply>,
): Promise<unknown | undefined> {
  const members = isJsonObject(document) ? document : new Map<string, JsonValue>();
  const [id, method, params] = [idOf(members), members.get('method'), members.get('params')];
  const strange = [...members.keys()].some((key) => !['jsonrpc', 'id', 'method', 'params'].includes(key));
  const isParams = params === undefined || isJsonArray(params) || isJsonObject(params);
  if (members.get('jsonrpc') !== '2.0' || typeof method !== 'string' || id === 'wrong' || strange || !isParams) {
    const known = id === 'wrong' || id === undefined ? null : id.value;
    return rpcError(known, codes.request, 'a call has jsonrpc "2.0", a method, and may have params and an id');
  }
  try {
    const request = parseCall(method, params);
    const reply = await answer({ id: id?.value, request });
    return id === undefined ? undefined : { jsonrpc: '2.0', id: id.value, result: reply.result };
  } catch (error) {
    return id === undefined ? undefined : rpcFailure(id.value, error);
  }
}

/** A notification of ours: a line of a stream that was asked for. */
export function rpcNotification(method: string, params: object): unknown {
  return { jsonrpc: '2.0', method, params };
}

function rpcFailure(id: RpcId, error: unknown): unknown {
  if (!(error instanceof CaissonError)) return rpcError(id, codes.internal, errorText(error));
  const { code } = error;
  const number =
    code === 'INIT_SOCKET_METHOD' ? codes.method : code === 'INIT_SOCKET_REQUEST' ? codes.params : codes.refused;
  return rpcError(id, number, error.message, { code, ...(error.hint === undefined ? {} : { hint: error.hint }) });
}

export function rpcError(id: RpcId, code: number, message: string, data?: object): unknown {
  return { jsonrpc: '2.0', id, error: { code, message, ...(data === undefined ? {} : { data }) } };
}

/** What a caller may read of an error: its words where they were made for reading, never those of a mistake in this program. */
export function errorText(error: unknown): string {
  if (error instanceof CaissonError)
    return error.hint === undefined ? error.message : `${error.message} (${error.hint})`;
  return error instanceof Error && 'code' in error && 'syscall' in error
    ? error.message
    : 'internal error of the supervisor';
}

function idOf(members: ReadonlyMap<string, JsonValue>): { readonly value: RpcId } | 'wrong' | undefined {
  const id = members.get('id');
  if (id === undefined) return undefined;
  if (id === null || typeof id === 'string') return { value: id };
  const number = id instanceof JsonNumber ? Number(id.literal) : Number.NaN;
  return Number.isSafeInteger(number) ? { value: number } : 'wrong';
}
