// An enclave's ready line and health port over AF_VSOCK, with ports beside it that are there and do not live. Ready after a moment;
// whoever dials `deathPort` makes it fail with its last words and end with 3.
import { CID_ANY, toVsockPort } from '@caisson/core/address';
import { createReadyReporter, serveHealth } from '@caisson/link/ready';
import { createKernelTransport } from '@caisson/link/transport';
import { createLinuxKernel } from '@caisson/sys';
import { babblingPort, bootId, closingPort, deathPort, silentPort, wordCount } from './ready-port.ts';

const transport = createKernelTransport(createLinuxKernel());
const image = { profile: 'development', lastWords: 'inside', lastWordsKey: null } as const;
const reporter = createReadyReporter({ transport, image, bootId, clock: 'kvm-clock' });
await serveHealth({ transport, port: toVsockPort(5000), health: () => reporter.health() });
reporter.report('services', [{ code: 'service-starting', service: 'app' }]);
await transport.listen({ cid: CID_ANY, port: silentPort }, {}, (socket) => socket.on('error', () => {}).resume());
await transport.listen({ cid: CID_ANY, port: closingPort }, {}, (socket) => socket.on('error', () => {}).end());
await transport.listen({ cid: CID_ANY, port: babblingPort }, {}, (socket) => {
  socket.on('error', () => {}).end('HTTP/1.1 400 Bad Request\r\n\r\n');
});
await transport.listen({ cid: CID_ANY, port: deathPort }, {}, (socket) => {
  socket.on('error', () => {}).resume();
  reporter.report('failed', [{ code: 'service-failed', service: 'app', exit: 3 }]);
  reporter.lastWords(
    'app',
    Array.from({ length: wordCount }, (_, index) => `line ${index} ${'x'.repeat(200)}`),
  );
  void reporter.finish(3, 'service-failed').then(() => process.exit(3));
});
setTimeout(() => reporter.report('ready', []), 500);
