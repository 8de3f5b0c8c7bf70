// Service files and init.yaml: read, checked, compiled.
export {};
