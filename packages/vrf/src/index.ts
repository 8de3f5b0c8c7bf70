// Elliptic-curve VRF proofs (RFC 9381).
export {};
