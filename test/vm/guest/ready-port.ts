// What guest/ready.ts and its test agree on.
import { toVsockPort } from '@caisson/core/address';

/** Whoever dials it makes the enclave fail and end. */
export const deathPort = toVsockPort(9300);
/** Accepts and never answers. */
export const silentPort = toVsockPort(9301);
export const closingPort = toVsockPort(9302);
export const babblingPort = toVsockPort(9303);
export const bootId = '0123456789abcdef0123456789abcdef';
export const wordCount = 200;
