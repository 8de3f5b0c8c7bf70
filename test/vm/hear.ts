// The parent's end of guest/report.ts: waits for the one JSON value that a program in the enclave reports.
import assert from 'node:assert/strict';
import { toCid, toVsockPort } from '@caisson/core/address';
import { reportPort } from './guest/report.ts';
import { type Enclave, within } from './rig.ts';

// Chosen.
const maxReportBytes = 1024 * 1024;

/** Resolves with what the guest's body resolved with; rejects with its error, or the console when it never reports. */
export async function hearReport<Value>(enclave: Enclave, timeoutMs = 120_000): Promise<Value> {
  let done = async (): Promise<void> => {};
  const heard = new Promise<string>((resolve, reject) => {
    const listening = enclave.parent.listen({ cid: toCid(3), port: toVsockPort(reportPort) }, {}, (socket) => {
      let text = '';
      socket.on('error', reject).on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.length > maxReportBytes) reject(new Error(`a report must have at most ${maxReportBytes} bytes`));
      });
      socket.on('end', () => {
        socket.end();
        resolve(text);
      });
    });
    listening.catch(reject);
    done = async () => (await listening).close();
    enclave.exit.then(
      (code) => setImmediate(() => reject(new Error(`the enclave ended with ${code} before it reported`))),
      reject,
    );
  });
  try {
    const outcome = JSON.parse(await within(timeoutMs, 'the report', heard)) as {
      ok: boolean;
      value: Value;
      error: string;
    };
    assert.ok(outcome.ok, outcome.error);
    return outcome.value;
  } catch (error) {
    if (error instanceof Error) error.message += `\nconsole:\n${enclave.console()}`;
    throw error;
  } finally {
    await done();
  }
}
