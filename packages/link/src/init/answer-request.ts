// One request, asked of the supervisor. Everything but log streams, which belong to their connection.
import type { Control } from './control.ts';
import type { InitReply, InitRequest } from './messages.ts';
import {
  pong,
  processList,
  processStarted,
  processStatus,
  serviceList,
  serviceLogs,
  serviceStatus,
  success,
  systemStatus,
} from './reply.ts';

export type StreamRequest = Extract<InitRequest, { verb: 'ServiceLogsStream' | 'ServiceLogsStreamStop' }>;
export type PlainRequest = Exclude<InitRequest, StreamRequest>;

export function isStreamRequest(request: InitRequest): request is StreamRequest {
  return request.verb === 'ServiceLogsStream' || request.verb === 'ServiceLogsStreamStop';
}

/** Rejects with what the supervisor says. */
export async function answerRequest(request: PlainRequest, control: Control): Promise<InitReply> {
  switch (request.verb) {
    case 'Ping':
      return pong();
    case 'ListServices':
      return serviceList(control.listServices());
    case 'ServiceStatus':
      return serviceStatus(control.serviceStatus(request.name));
    case 'ServiceStart':
      await control.startService(request.name);
      return success(`service ${request.name} started`);
    case 'ServiceStop':
      await control.stopService(request.name);
      return success(`service ${request.name} stopped`);
    case 'ServiceRestart':
      await control.restartService(request.name);
      return success(`service ${request.name} restarted`);
    case 'ServiceEnable':
      await control.enableService(request.name);
      return success(
        `service ${request.name} enabled until the enclave ends; the image is measured and stays as it is`,
      );
    case 'ServiceDisable':
      await control.disableService(request.name);
      return success(
        `service ${request.name} disabled until the enclave ends; the image is measured and stays as it is`,
      );
    case 'ServiceLogs':
      return serviceLogs(await control.serviceLogs(request.name, request.lines));
    case 'ServiceLogsClear':
      await control.clearLogs(request.name);
      return success(`logs of ${request.name} cleared`);
    case 'ProcessList':
      return processList(await control.listProcesses());
    case 'ProcessStatus':
      return processStatus(await control.processStatus(request.pid));
    case 'ProcessStart':
      return processStarted(await control.startProcess(request), `process ${request.command} started`);
    case 'ProcessStop':
      await control.stopProcess(request.pid);
      return success(`process ${request.pid} asked to stop`);
    case 'ProcessRestart': {
      const pid = await control.restartProcess(request.pid);
      return success(`process ${request.pid} restarted as ${pid}`, { pid });
    }
    case 'ProcessKill':
      await control.killProcess(request.pid, request.signal);
      return success(`signal ${request.signal} sent to process ${request.pid}`);
    case 'SystemStatus':
      return systemStatus(await control.systemStatus());
    case 'SystemReload': {
      const { added, removed, changed, unchanged } = await control.reload();
      const words = `${added.length} added, ${removed.length} removed, ${changed.length} changed, ${unchanged} untouched`;
      return success(`services read again: ${words}`, { added, removed, changed, unchanged });
    }
    case 'SystemReboot':
      await control.reboot();
      return success('the enclave stops its services and ends');
    case 'SystemShutdown':
      await control.shutdown();
      return success('the enclave stops its services and ends');
  }
}
