// The size of a terminal that does not tell its own.

// Given: what terminals have had since the VT100.
export const standardSize = { columns: 80, rows: 24 };
