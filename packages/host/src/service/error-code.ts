// Every way in which service files and init.yaml can be refused. The faults themselves are listed in ServiceFaultError.

export const SERVICE_ERROR_CODES = ['SERVICE_FAULTS', 'SERVICE_READ'] as const;
export type ServiceErrorCode = (typeof SERVICE_ERROR_CODES)[number];
