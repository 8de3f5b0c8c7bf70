// Waiting until an enclave is ready.
export {};
