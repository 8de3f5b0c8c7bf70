// /etc/caisson/init.json: init.yaml, checked and compiled by the builder.

export interface MeasuredInit {
  readonly v: 1;
  readonly logDir: string;
  /** Bytes; a log file that has grown past it is rotated. */
  readonly maxLogBytes: number;
  readonly maxLogFiles: number;
  /** In the supervisor's own environment and, unlike the reference, in that of every service. */
  readonly environment: Readonly<Record<string, string>>;
  readonly controlSocket: string | null;
}
