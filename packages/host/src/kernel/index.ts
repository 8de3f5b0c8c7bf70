// Enclave kernels: building one, judging a .config.
export {};
