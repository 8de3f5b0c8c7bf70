// Container images as trees: OCI layouts, docker archives, registries.
export {};
