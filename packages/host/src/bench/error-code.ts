// What a bench is refused for.

export const BENCH_ERROR_CODES = ['BENCH_PROTOBUF', 'BENCH_REPLY_SIZE'] as const;
export type BenchErrorCode = (typeof BENCH_ERROR_CODES)[number];
