// caisson.yaml.
export {};
