// Every way in which a measured file can be refused. Its JSON's own faults are core/config's.

export const MEASURED_ERROR_CODES = ['MEASURED_FORM', 'MEASURED_LIMIT'] as const;
export type MeasuredErrorCode = (typeof MEASURED_ERROR_CODES)[number];
