// Policies: what a relying party wants an enclave to be.
export {};
