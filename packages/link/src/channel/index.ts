// The message channel: pipelined messages over one stream.
export {};
