// The stages of rbuilds.
export {};
