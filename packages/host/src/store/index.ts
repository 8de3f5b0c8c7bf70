// The local store of images.
export {};
