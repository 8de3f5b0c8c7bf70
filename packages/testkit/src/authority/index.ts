// An authority that forges: chains and documents with one thing wrong, edge cases of P-384, and a second verifier.
export type { CertificateBend, SoundFields, WebKey } from './forge-certificate.ts';
export { forgeCertificate } from './forge-certificate.ts';
export type { ForgeChainOptions, ForgedChain } from './forge-chain.ts';
export { authorityUsage, forgeChain, forgeKey, leafUsage, nameOf, pointOf } from './forge-chain.ts';
export type { DocumentBend, PayloadEntry, SoundPayload } from './forge-document.ts';
export { EncodedCbor, forgeDocument, testModuleId, testPcrs } from './forge-document.ts';
export type { Point } from './p384.ts';
export { liftX, multiply, p384, recoverKey, scalarBytes, scalarOf } from './p384.ts';
export { secondOpinion } from './second-verifier.ts';
