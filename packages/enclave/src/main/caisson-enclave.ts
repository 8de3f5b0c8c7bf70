// The program inside production images. The wall is AF_VSOCK and the NSM is the device or the supervisor's socket, whatever the
// environment says: an environment that came from the parent could name a wall or an NSM of his own.
import { openNsmSocket } from '@caisson/link/nsm';
import { createKernelTransport } from '@caisson/link/transport/kernel';
import { runEnclaveProgram } from './program.ts';

await runEnclaveProgram({
  openTransport(env, kernel, say) {
    if (env['CAISSON_VSOCK'] !== undefined) {
      say({ level: 'warn', code: 'VSOCK_IGNORED', message: 'CAISSON_VSOCK is ignored by a production program' });
    }
    return createKernelTransport(kernel);
  },
  async openNsm(env, kernel, say) {
    const choice = env['CAISSON_NSM'] ?? 'device';
    if (choice.startsWith('unix:')) return openNsmSocket(choice.slice('unix:'.length));
    if (choice !== 'device') {
      say({
        level: 'warn',
        code: 'NSM_IGNORED',
        message: 'CAISSON_NSM must be device or unix:PATH here; using device',
      });
    }
    return kernel.openNsm();
  },
});
