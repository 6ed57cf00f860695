/** The headers of a message to publish; `undefined` leaves one out. */
export type HeaderValues = Readonly<Record<string, string | undefined>>;

/** The part of a JetStream stream's configuration that the backend uses; it keeps the rest as it is. */
export interface StreamConfig {
  readonly name: string;
  readonly subjects?: readonly string[];
  readonly retention?: string;
  readonly description?: string;
  /** In nanoseconds; 0 is no limit. */
  readonly max_age: number;
  /** -1 is no limit. */
  readonly max_msgs_per_subject: number;
  readonly [other: string]: unknown;
}

export interface StreamInfo {
  readonly config: StreamConfig;
  /** RFC 3339, to the nanosecond. */
  readonly created: string;
  readonly state: {
    readonly first_seq: number;
    readonly last_seq: number;
    readonly last_ts: string;
    readonly num_subjects?: number;
    /** The number of messages of each subject, if the request asked for it. */
    readonly subjects?: Readonly<Record<string, number>> | null;
  };
}

export interface ConsumerConfig {
  readonly deliver_policy: "all" | "last_per_subject" | "by_start_sequence";
  readonly opt_start_seq?: number;
  readonly filter_subject?: string;
  readonly deliver_subject?: string;
  readonly flow_control?: boolean;
  readonly idle_heartbeat?: number;
}

export interface ConsumerInfo {
  readonly num_pending: number;
  /** RFC 3339, to the nanosecond. */
  readonly created: string;
}

export interface StoredMessage {
  readonly subject: string;
  readonly seq: number;
  /** RFC 3339, to the nanosecond. */
  readonly time: string;
  /** In base64. */
  readonly data?: string;
}

export interface PublishAck {
  readonly seq: number;
  readonly duplicate?: boolean;
}

/** The milliseconds of an RFC 3339 time; `Date` ignores its microseconds and nanoseconds. */
export function toMs(time: string): number {
  return Date.parse(time);
}
