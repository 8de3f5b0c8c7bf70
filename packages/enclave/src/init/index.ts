// The supervisor: what runs services inside an enclave.
export {};
