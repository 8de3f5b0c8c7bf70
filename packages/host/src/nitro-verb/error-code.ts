// Every way in which an enclave is not found or not started under nitro-cli's verbs.

export const NITRO_VERB_ERROR_CODES = ['NITRO_VERB_ENCLAVE', 'NITRO_VERB_START', 'NITRO_VERB_WORDS'] as const;
export type NitroVerbErrorCode = (typeof NITRO_VERB_ERROR_CODES)[number];
