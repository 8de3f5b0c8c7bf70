// /etc/caisson/init.json: init.yaml, checked and compiled by the builder.

export interface MeasuredInit {
  readonly v: 1;
  readonly logDir: string;
  /** Bytes; a log file that has grown past it is rotated. */
  readonly maxLogBytes: number;
  readonly maxLogFiles: number;
  /** Variables of the supervisor's own environment and, unlike in the reference, of every service's. */
  readonly environment: Readonly<Record<string, string>>;
  readonly controlSocket: string | null;
}
