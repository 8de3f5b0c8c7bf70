// The program inside production images. The wall is AF_VSOCK and the NSM is the supervisor's socket or the device, whatever the
// environment says: an environment that came from the parent could name a wall or an NSM of his own (docs/wire/nsm.md).
import { existsSync } from 'node:fs';
import { openNsmSocket } from '@caisson/link/nsm';
import { createKernelTransport } from '@caisson/link/transport/kernel';
import { openOwnNsm } from '../nsm/index.ts';
import { runEnclaveProgram } from './program.ts';

// Given: the supervisor owns /dev/nsm (0600) and serves everybody else here.
const supervisorSocket = '/run/nsm.sock';

await runEnclaveProgram({
  openTransport(env, kernel, say) {
    if (env['CAISSON_VSOCK'] !== undefined) {
      say({ level: 'warn', code: 'VSOCK_IGNORED', message: 'CAISSON_VSOCK is ignored by a production program' });
    }
    return createKernelTransport(kernel);
  },
  async openNsm(env, kernel, say) {
    if (env['CAISSON_NSM'] !== undefined) {
      say({ level: 'warn', code: 'NSM_IGNORED', message: 'CAISSON_NSM is ignored by a production program' });
    }
    return existsSync(supervisorSocket) ? openNsmSocket(supervisorSocket) : kernel.openNsm();
  },
  openOwnNsm: (_env, kernel) => openOwnNsm(kernel),
});
