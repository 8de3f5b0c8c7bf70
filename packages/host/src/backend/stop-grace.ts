// How long an enclave that is asked to end may take where nobody says how long.

// Chosen: PID 1 gives the supervisor 35 s, then services 5 s.
export const STANDARD_GRACE_MS = 40_000;
