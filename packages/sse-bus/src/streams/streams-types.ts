import type { StreamSource } from "./source.ts";

/** The type of a response's body. Its bytes fit `TextDecoderStream` in every version of TypeScript. */
export type StreamBody = NonNullable<Response["body"]>;

/** The durable streams of a bus; see `createStreams`. Instances that share the bus's backend share them. */
export interface Streams {
  /**
   * Runs a source, to its end whether or not anybody reads, and resolves with the stream to answer with. While the
   * stream of this id runs, on any instance, the source is not read and the stream is that one. Once it has ended, the
   * id can be used again.
   *
   * The stream fails with `STREAM_FAILED` if the source does, or its server ends, and with `GAP` if the log has lost
   * a part of it. If this server shuts down and the source runs on another one, it fails with `BUS_CLOSED`.
   *
   * @param id any text of up to 180 characters, such as the id of the answer; each byte of a character other than
   * A-Z a-z 0-9 . _ - counts as three
   * @throws SseBusError `INVALID_ID`, `INVALID_OPTION`, `TOO_MANY_STREAMS`, `GAP`, `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
   */
  start(id: string, source: StreamSource): Promise<StreamBody>;
  /**
   * The whole stream so far, then what follows, then its end; `null` if there is none. A stream can be
   * read for an hour after its start: for half an hour after its end at least, or for 10 minutes with a `maxRunMs`
   * of 50 minutes.
   *
   * @throws SseBusError `INVALID_ID`, `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
   */
  resume(id: string): Promise<StreamBody | null>;
  /**
   * Aborts the source, on whichever instance it runs, and ends all readers in order.
   *
   * @returns whether it ran
   * @throws SseBusError `INVALID_ID`, `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
   */
  stop(id: string): Promise<boolean>;
  /**
   * Whether the stream runs, and how it ended; `null` if there is none.
   *
   * @throws SseBusError `INVALID_ID`, `BACKEND_UNAVAILABLE`, `BUS_CLOSED`
   */
  status(id: string): Promise<StreamStatus | null>;
}

export interface StreamStatus {
  /** `lost`: the server that ran the source has ended before the source. */
  readonly state: "running" | "done" | "stopped" | "failed" | "lost";
  /** In ms since 1970. */
  readonly startedAt: number;
  /** In ms since 1970, once it has ended. */
  readonly endedAt?: number;
  /** The size of the whole stream, once it has ended and unless it is lost. */
  readonly bytes?: number;
}
