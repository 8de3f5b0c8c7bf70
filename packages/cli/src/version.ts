// The one version of the house, as package.json of every package says (held equal by a house test).
export const version = '0.1.0';
