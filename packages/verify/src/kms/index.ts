// Answers of AWS KMS to an enclave.
export {};
