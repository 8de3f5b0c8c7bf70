// What images and enclaves are called: names become folders, words of nitro-cli and lines on terminals, so there is one form and nothing is ever
// quoted.

// Given: docs/wire/state.md.
export const NAME_FORM = /^[a-z][a-z0-9-]{0,62}$/;
export const NAME_RULE = '1 to 63 of a-z, 0-9 and -, beginning with a letter';
