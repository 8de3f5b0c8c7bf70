// What can go wrong with the doctor itself.

export const DOCTOR_ERROR_CODES = ['DOCTOR_CHECK', 'DOCTOR_PLAN'] as const;
export type DoctorErrorCode = (typeof DOCTOR_ERROR_CODES)[number];
