// The runtime archive and the ledger of what may enter an image.
export {};
