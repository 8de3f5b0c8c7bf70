// How a program in the enclave tells the test what it saw: one JSON value to the parent's port 9100, then the end.
// A program that throws says so there too, so that the test fails with the reason and not with a deadline.
import { once } from 'node:events';
import { toCid, toVsockPort } from '@caisson/core/address';
import { createKernelTransport, type Transport } from '@caisson/link/transport';
import { createLinuxKernel, type Kernel } from '@caisson/sys';

export const reportPort = 9100;

/** Runs `body`, sends what it resolves with as `{ok: true, value}` or its error as `{ok: false, error}`, then ends with 0 or 1. */
export async function report(body: (kernel: Kernel, transport: Transport) => Promise<unknown>): Promise<void> {
  const kernel = createLinuxKernel();
  const transport = createKernelTransport(kernel);
  let outcome: { ok: boolean; value?: unknown; error?: string };
  try {
    outcome = { ok: true, value: await body(kernel, transport) };
  } catch (error) {
    outcome = { ok: false, error: error instanceof Error ? `${error.stack}\n${error.cause ?? ''}` : String(error) };
  }
  const parent = { cid: toCid(3), port: toVsockPort(reportPort) };
  const socket = await transport.connect(parent, { timeoutMs: 120_000, retryRefused: true });
  socket.end(`${JSON.stringify(outcome)}\n`);
  // The parent closes when it has all of it; ending before could cut it.
  socket.resume();
  await once(socket, 'close');
  process.exit(outcome.ok ? 0 : 1);
}
