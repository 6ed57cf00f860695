import type { CreateHeaders } from "./load-headers.ts";
import type { NatsHeaders, NatsMessage } from "./client-types.ts";
import type { NatsServerConnection } from "./connection.ts";
import { unavailableError } from "./errors.ts";
import {
  isJetStreamError,
  MESSAGE_NOT_FOUND,
  type RefusalBody,
  refusalError,
  requestError,
  STREAM_NAME_IN_USE,
  STREAM_NOT_FOUND,
} from "./jetstream-errors.ts";
import type {
  ConsumerConfig,
  ConsumerInfo,
  HeaderValues,
  PublishAck,
  StoredMessage,
  StreamConfig,
  StreamInfo,
} from "./jetstream-types.ts";

/**
 * The part of JetStream's API that the backend uses, as JSON over NATS requests.
 *
 * The backend does not use `@nats-io/jetstream`: its ordered consumer recreates itself silently on
 * errors. The backend could then not notice that the stream is a different one, or that messages were
 * dropped before they were delivered.
 *
 * @see https://docs.nats.io/reference/reference-protocols/nats_api_reference
 */
export interface JetStream {
  /** `undefined` if the stream does not exist. */
  streamInfo(options?: { readonly subjects: string }): Promise<StreamInfo | undefined>;
  /** `undefined` if another process has just created it with a different configuration. */
  createStream(config: StreamConfig): Promise<StreamInfo | undefined>;
  updateStream(config: StreamConfig): Promise<StreamInfo>;
  /** The message at `seq`, or the first one of `subject` from there on; `undefined` if there is none. */
  message(seq: number, subject?: string): Promise<StoredMessage | undefined>;
  createConsumer(name: string, config: ConsumerConfig): Promise<ConsumerInfo>;
  deleteConsumer(name: string): Promise<void>;
  /** Asks a pull consumer for the messages that it has now, at most `batch`. */
  pull(name: string, options: { readonly batch: number; readonly inbox: string }): void;
  publish(subject: string, payload: Uint8Array, headers: HeaderValues): Promise<PublishAck>;
}

/** After this time without its owner, the server deletes a consumer. */
const CONSUMER_LIFE_NS = 10_000_000_000;

const decoder = new TextDecoder();

export function createJetStream(
  connection: NatsServerConnection,
  options: {
    readonly stream: string;
    readonly domain: string | undefined;
    readonly createHeaders: CreateHeaders;
  },
): JetStream {
  const { stream, domain, createHeaders } = options;
  const prefix = domain === undefined ? "$JS.API" : `$JS.${domain}.API`;

  async function ask<T>(call: string, body: unknown): Promise<T> {
    const answer = await send(
      connection,
      `${prefix}.${call}`,
      body === undefined ? "" : stringify(body),
    );
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
          // If this process dies, the server deletes the consumer.
          inactive_threshold: CONSUMER_LIFE_NS,
        },
      });
    },
    async deleteConsumer(name) {
      await ask(`CONSUMER.DELETE.${stream}.${name}`, undefined);
    },
    pull(name, { batch, inbox }) {
      const body = stringify({ batch, no_wait: true });
      connection.publish(`${prefix}.CONSUMER.MSG.NEXT.${stream}.${name}`, body, inbox);
    },
    async publish(subject, payload, values) {
      return parse(
        await send(connection, subject, payload, toHeaders(createHeaders(), values)),
        "publish",
      );
    },
  };
}

async function send(
  connection: NatsServerConnection,
  subject: string,
  payload: Uint8Array | string,
  headers?: NatsHeaders,
): Promise<NatsMessage> {
  try {
    return await connection.request(subject, payload, headers);
  } catch (error) {
    throw requestError(error);
  }
}

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows the answer
function parse<T>({ data }: NatsMessage, call: string): T {
  let answer: T & { readonly error?: RefusalBody };
  try {
    answer = JSON.parse(decoder.decode(data)) as typeof answer;
  } catch (error) {
    throw unavailableError(`NATS answered ${call} with something that is not JSON.`, error);
  }
  if (answer.error) throw refusalError(call, answer.error);
  return answer;
}

/** `undefined` when JetStream refuses with this code. */
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
