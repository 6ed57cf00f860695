import type { Admission } from "./admission.ts";
import {
  type Backend,
  MAX_BATCH_MESSAGES,
  type NotStored,
  type Outcome,
  type Pending,
  type Stored,
} from "./backend.ts";
import type {
  OutgoingMessage,
  PendingPublish,
  Published,
  PublishManyOptions,
  PublishOptions,
} from "./bus-types.ts";
import { assertOpen, type Engine, notePublished } from "./engine.ts";
import { isSseBusError, SseBusError, type SseBusErrorCode } from "./errors.ts";
import { type MessageRules, type Outgoing, prepare, toPublished } from "./outgoing.ts";
import {
  isTransactional,
  storeMany,
  storeManyIn,
  type TransactionalBackend,
} from "./store-many.ts";

export interface PublishingOptions extends MessageRules {
  readonly engine: Engine;
  readonly admit: Admission;
}

/** The implementation of `publish` and `publishMany`. */
export interface Publisher {
  publish(data: unknown, options?: PublishOptions): Promise<Published | PendingPublish>;
  publishMany(
    messages: readonly OutgoingMessage[],
    options?: PublishManyOptions,
  ): Promise<(Published | PendingPublish)[]>;
}

/** Bytes of data in one batch, unless a single message may be larger. */
export const MAX_BATCH_BYTES = 1_048_576;

export function createPublisher(options: PublishingOptions): Publisher {
  const { engine, admit } = options;
  const maxBatchBytes = Math.max(MAX_BATCH_BYTES, options.maxMessageBytes);

  /** A pending message is not counted: it may never be committed. */
  function count(stored: Stored | Pending): void {
    if ("pending" in stored) return;
    if (!stored.duplicate) engine.counters.published++;
    notePublished(engine, stored);
  }

  return {
    async publish(data, given = {}) {
      assertOpen(engine);
      const { tx } = given;
      const { backend } = engine;
      const transactional = tx === undefined ? undefined : transactionalOf(backend);
      const prepared = prepare(options, data, given);
      const outgoing = prepared instanceof Promise ? await prepared : prepared;
      const { encoded } = outgoing;
      const stored = await admit<Stored | Pending>(() =>
        transactional ? transactional.publishIn(tx, encoded) : backend.publish(encoded),
      );
      count(stored);
      return toPublished(outgoing, stored);
    },

    async publishMany(messages, { tx } = {}) {
      assertOpen(engine);
      const { backend } = engine;
      const transactional = tx === undefined ? undefined : transactionalOf(backend);
      const prepared = prepareAll(options, messages);
      const all = prepared instanceof Promise ? await prepared : prepared;
      if (all.length === 0) return [];
      const encoded = all.map((outgoing) => outgoing.encoded);
      assertBatchBytes(encoded, maxBatchBytes);
      const outcomes = await admit<readonly (Outcome | Pending)[]>(
        () =>
          transactional ? storeManyIn(transactional, tx, encoded) : storeMany(backend, encoded),
        all.length,
      );
      const stored = outcomes.filter(isStored);
      for (const each of stored) count(each);
      if (stored.length < all.length) throw partError(all, outcomes);
      return stored.map((each, index) => toPublished(all[index] as Outgoing, each));
    },
  };
}

/** Messages of one channel. What is no message is refused when it is published. */
export function onChannel(
  channel: string,
  messages: readonly OutgoingMessage[],
): readonly OutgoingMessage[] {
  if (!Array.isArray(messages)) return messages;
  return messages.map((message: unknown) =>
    typeof message === "object" && message !== null ? { ...message, channel } : message,
  ) as OutgoingMessage[];
}

/** Validates all messages. The error is that of one of them, and names its index. */
function prepareAll(
  rules: MessageRules,
  messages: readonly OutgoingMessage[],
): Outgoing[] | Promise<Outgoing[]> {
  assertBatch(messages);
  const prepared = Array.from(messages, (message, index) => {
    try {
      assertMessage(message);
      const one = prepare(rules, message.data, message);
      if (!(one instanceof Promise)) return one;
      const checked = one.catch((error: unknown) => {
        throw errorAt(error, index);
      });
      // If a message before it is refused first, nobody waits for this one.
      checked.catch(() => {});
      return checked;
    } catch (error) {
      throw errorAt(error, index);
    }
  });
  const isAsync = prepared.some((one) => one instanceof Promise);
  return isAsync ? Promise.all(prepared.map(async (one) => one)) : (prepared as Outgoing[]);
}

/** Errors of the application's validators stay as they are. */
function errorAt(error: unknown, index: number): unknown {
  if (!isSseBusError(error)) return error;
  const { code, message } = error;
  const text = `\`messages[${index}]\`: ${message}`;
  return Object.assign(new SseBusError(code, text, { cause: error }), { index });
}

function assertBatch(messages: unknown): asserts messages is readonly unknown[] {
  if (!Array.isArray(messages)) {
    throw new SseBusError("INVALID_DATA", "`messages` must be an array of { data, channel, … }.");
  }
  if (messages.length <= MAX_BATCH_MESSAGES) return;
  throw new SseBusError(
    "BATCH_TOO_LARGE",
    `The batch has ${messages.length} messages, and at most ${MAX_BATCH_MESSAGES} may be published at once: publish it in parts.`,
  );
}

function assertMessage(message: unknown): asserts message is OutgoingMessage {
  if (typeof message === "object" && message !== null && "data" in message) return;
  throw new SseBusError("INVALID_DATA", "a message must be an object with `data`.");
}

function assertBatchBytes(messages: readonly { readonly json: string }[], limit: number): void {
  const chars = messages.reduce((sum, { json }) => sum + json.length, 0);
  // UTF-8 takes at most three bytes for a UTF-16 unit: most batches need no counting.
  if (chars * 3 <= limit) return;
  const encoder = new TextEncoder();
  const bytes = messages.reduce((sum, { json }) => sum + encoder.encode(json).length, 0);
  if (bytes <= limit) return;
  throw new SseBusError(
    "BATCH_TOO_LARGE",
    `The batch has ${bytes} bytes of data, and at most ${limit} may be published at once: publish it in parts.`,
  );
}

/** The error of a batch of which only a part is known to be stored. */
function partError(
  all: readonly Outgoing[],
  outcomes: readonly (Outcome | Pending)[],
): SseBusError {
  const index = outcomes.findIndex((outcome) => "error" in outcome);
  const { error } = outcomes[index] as NotStored;
  const stored = outcomes.map((outcome, at) => {
    if ("error" in outcome || "pending" in outcome) return undefined;
    const { id, channel, time, duplicate } = toPublished(all[at] as Outgoing, outcome) as Published;
    return { id, channel, time, ...(duplicate && { duplicate }) };
  });
  const count = stored.filter((each) => each !== undefined).length;
  // Any other code means that nothing is stored, and that is certain only where all messages have it.
  const isCertain = outcomes.every(
    (outcome) => "error" in outcome && codeOf(outcome) === codeOf({ error }),
  );
  const code = isCertain ? codeOf({ error }) : "BACKEND_UNAVAILABLE";
  const text = `${count} of ${all.length} messages are stored (see \`stored\`), and \`messages[${index}]\` is the first that may not be: ${error.message}`;
  return Object.assign(new SseBusError(code, text, { cause: error }), { index, stored });
}

function codeOf({ error }: NotStored): SseBusErrorCode {
  return isSseBusError(error) ? error.code : "BACKEND_UNAVAILABLE";
}

function isStored(outcome: Outcome | Pending): outcome is Stored | Pending {
  return !("error" in outcome);
}

function transactionalOf(backend: Backend): TransactionalBackend {
  if (isTransactional(backend)) return backend;
  throw new SseBusError(
    "TX_UNSUPPORTED",
    `\`tx\` needs a backend that lives in your database, such as postgresBackend; this bus is on "${backend.name}". Publish after the commit instead, without \`tx\`.`,
  );
}
