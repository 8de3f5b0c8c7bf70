// Types of the pipeline's requests on a control channel: 64..95 are its own (docs/wire/control.md).

export const PIPELINE_REQUEST = {
  /** A command -> its pid; then records both ways (docs/wire/pipeline.md). */
  exec: 64,
  /** A command -> the job's name. */
  jobStart: 65,
  /** Nothing -> all jobs. */
  jobList: 66,
  /** Which job, which stream, whether to follow -> nothing; then the bytes. */
  jobLogs: 67,
  /** A name -> how it ended, when it has. */
  jobWait: 68,
  /** A name and a signal -> nothing. */
  jobKill: 69,
  /** Where to -> nothing; then records of a copy, the sender's by the operator. */
  copyIn: 70,
  /** Where from -> the plan's figures; then records of a copy, the sender's by the enclave. */
  copyOut: 71,
} as const;
