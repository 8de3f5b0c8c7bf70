// What a Nitro parent is bound by, for whoever counts what it can give.

// Given: a parent has at most so many.
export const MAX_ENCLAVES = 4;
// Chosen: with less the parent itself starves.
export const PARENT_MIB = 512;
