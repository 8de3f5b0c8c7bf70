// Control of the supervisor over its unix socket: both ends.
export {};
