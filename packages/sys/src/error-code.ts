// Codes of what the kernel door refuses on its own account. What the kernel refuses keeps its errno name (errno.ts).

export const SYS_ERROR_CODES = ['SYS_ADDON_MISSING', 'SYS_ADDON_SETTING'] as const;
export type SysErrorCode = (typeof SYS_ERROR_CODES)[number];
