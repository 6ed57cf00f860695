import { SseBusError } from "../core/errors.ts";
import type { Link } from "./link.ts";
import type { CreateHeaders } from "./load-headers.ts";
import type { NatsHeaders, NatsMessage } from "./nats-connection.ts";
import { unavailable } from "./unavailable.ts";

/**
 * The few calls of JetStream's API that the backend makes, as JSON over NATS requests.
 *
 * Not through `@nats-io/jetstream`: its ordered consumer makes itself anew when something is amiss
 * and does not tell, so that one could not know that the stream is another one, or that messages
 * were dropped before they came.
 *
 * @see https://docs.nats.io/reference/reference-protocols/nats_api_reference
 */
export interface JetStream {
  /** `undefined` when there is no such stream. */
  streamInfo(options?: { readonly subjects: string }): Promise<StreamInfo | undefined>;
  /** `undefined` when somebody else has just made it with another configuration. */
  createStream(config: StreamConfig): Promise<StreamInfo | undefined>;
  updateStream(config: StreamConfig): Promise<StreamInfo>;
  /** The message at `seq`, or the first one from there on with a subject; `undefined` if gone. */
  message(seq: number, subject?: string): Promise<StoredMessage | undefined>;
  createConsumer(name: string, config: ConsumerConfig): Promise<ConsumerInfo>;
  deleteConsumer(name: string): Promise<void>;
  /** Asks a pull consumer for as many messages as there are now, up to `batch`. */
  pull(name: string, options: { readonly batch: number; readonly inbox: string }): void;
  publish(subject: string, payload: Uint8Array, headers: HeaderValues): Promise<PublishAck>;
}

export type HeaderValues = Readonly<Record<string, string | undefined>>;

/** The part of a stream's configuration that means something here; the rest is passed through. */
export interface StreamConfig {
  readonly name: string;
  readonly subjects?: readonly string[];
  readonly retention?: string;
  readonly description?: string;
  /** In nanoseconds, 0 for ever. */
  readonly max_age: number;
  /** -1 without limit. */
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
    /** Messages by subject, where asked for. */
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

/** How JetStream itself answers a request that it cannot fulfil. */
export interface JetStreamError extends Error {
  readonly status: number;
  readonly code: number;
}

const STREAM_NOT_FOUND = 10_059;
const STREAM_NAME_IN_USE = 10_058;
const MESSAGE_NOT_FOUND = 10_037;
export const WRONG_LAST_SEQUENCE = 10_071;
const CONSUMER_LIFE_NS = 10_000_000_000;

const decoder = new TextDecoder();

export function createJetStream(
  link: Link,
  options: {
    readonly stream: string;
    readonly domain: string | undefined;
    readonly createHeaders: CreateHeaders;
  },
): JetStream {
  const { stream, domain, createHeaders } = options;
  const prefix = domain === undefined ? "$JS.API" : `$JS.${domain}.API`;

  async function ask<T>(call: string, body: unknown): Promise<T> {
    const answer = await send(link, `${prefix}.${call}`, body === undefined ? "" : stringify(body));
    return parse<T>(answer, call);
  }

  return {
    async streamInfo(options) {
      const body = options && { subjects_filter: options.subjects };
      return unless(STREAM_NOT_FOUND, ask<StreamInfo>(`STREAM.INFO.${stream}`, body));
    },
    async createStream(config) {
      return unless(STREAM_NAME_IN_USE, ask<StreamInfo>(`STREAM.CREATE.${stream}`, config));
    },
    updateStream: async (config) => ask(`STREAM.UPDATE.${stream}`, config),
    async message(seq, subject) {
      const body = subject === undefined ? { seq } : { seq, next_by_subj: subject };
      const found = await unless(
        MESSAGE_NOT_FOUND,
        ask<{ message: StoredMessage }>(`STREAM.MSG.GET.${stream}`, body),
      );
      return found?.message;
    },
    async createConsumer(name, config) {
      return ask(`CONSUMER.CREATE.${stream}.${name}`, {
        stream_name: stream,
        config: {
          ...config,
          name,
          ack_policy: "none",
          max_deliver: 1,
          replay_policy: "instant",
          mem_storage: true,
          num_replicas: 1,
          // Should this process die, the server clears away what it left.
          inactive_threshold: CONSUMER_LIFE_NS,
        },
      });
    },
    async deleteConsumer(name) {
      await ask(`CONSUMER.DELETE.${stream}.${name}`, undefined);
    },
    pull(name, { batch, inbox }) {
      const body = stringify({ batch, no_wait: true });
      link.publish(`${prefix}.CONSUMER.MSG.NEXT.${stream}.${name}`, body, inbox);
    },
    async publish(subject, payload, values) {
      return parse(
        await send(link, subject, payload, toHeaders(createHeaders(), values)),
        "publish",
      );
    },
  };
}

/** Nobody took the request, so nothing can have come of it. */
export function isNoResponders(error: unknown): boolean {
  const { cause } = error as { cause?: { isNoResponders?: () => boolean } };
  return cause?.isNoResponders?.() === true;
}

export function isJetStreamError(error: unknown, code: number): boolean {
  const { cause } = error as { cause?: Partial<JetStreamError> };
  return cause?.name === "JetStreamError" && cause.code === code;
}

/** Milliseconds of a server's RFC 3339 time, whose nanoseconds `Date` leaves out. */
export function toMs(time: string): number {
  return Date.parse(time);
}

async function send(
  link: Link,
  subject: string,
  payload: Uint8Array | string,
  headers?: NatsHeaders,
): Promise<NatsMessage> {
  try {
    return await link.request(subject, payload, headers);
  } catch (error) {
    throw describe(error);
  }
}

function describe(error: unknown): Error {
  const { name, message } = error as Error;
  if (name === "SseBusError") return error as Error;
  if (/max_payload/.test(message)) {
    return new SseBusError(
      "MESSAGE_TOO_LARGE",
      "The message is larger than `max_payload` of the NATS server: send a reference to the data, or raise it there.",
      { cause: error },
    );
  }
  if ((error as { isNoResponders?: () => boolean }).isNoResponders?.() === true) {
    return unavailable(
      "JetStream is not enabled, or has no leader now, or the stream is gone.",
      error,
    );
  }
  return unavailable(`NATS has not answered: ${message}.`, error);
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows the answer
function parse<T>({ data }: NatsMessage, call: string): T {
  let answer: T & { error?: { code?: number; err_code?: number; description?: string } };
  try {
    answer = JSON.parse(decoder.decode(data)) as typeof answer;
  } catch (error) {
    throw unavailable(`NATS answered ${call} with something that is not JSON.`, error);
  }
  if (!answer.error) return answer;
  const { code: status = 0, err_code: code = 0, description = "" } = answer.error;
  const cause = Object.assign(new Error(`${description} (${code})`), { status, code });
  cause.name = "JetStreamError";
  throw unavailable(`JetStream refused ${call}: ${description}.`, cause);
}

async function unless<T>(code: number, promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (isJetStreamError(error, code)) return undefined;
    throw error;
  }
}

function toHeaders(headers: NatsHeaders, values: HeaderValues): NatsHeaders {
  for (const [name, value] of Object.entries(values)) {
    if (value !== undefined) headers.set(name, value);
  }
  return headers;
}

function stringify(body: unknown): string {
  return JSON.stringify(body);
}
