// tar archives: a strict streaming reader.
export {};
