import { createAdmission } from "./admission.ts";
import type { Backend, Pending, NewMessage, Stored } from "./backend.ts";
import { assertNotBuilding } from "./build-phase.ts";
import type {
  Bus,
  BusOptions,
  BusStats,
  PendingPublish,
  Published,
  PublishOptions,
  SubscribeOptions,
} from "./bus-types.ts";
import { assertChannel, assertTopic, DEFAULT_CHANNEL } from "./channel-name.ts";
import { countReaders } from "./cohort.ts";
import {
  assertOpen,
  closeEngine,
  createEngine,
  type Engine,
  isClosed,
  isOpen,
  notePublished,
} from "./engine.ts";
import { SseBusError } from "./errors.ts";
import { assertCount, createHistoryResolver } from "./history.ts";
import { encodeData } from "./encode-data.ts";
import { createSubscriber, type Subscriber } from "./subscriber.ts";
import { memoryBackend } from "./memory-backend.ts";
import { assertEventName, assertKey, idempotencyId, messageId } from "./message.ts";
import { formatCursor, parseCursor } from "./position.ts";
import { restartReaders } from "./restart.ts";
import { type Schemas, validate } from "./schema.ts";
import type { AnyChannels, ChannelMap, ChannelsOfSchemas, InputsOfSchemas } from "./types.ts";

/** Where a bus keeps its internals. A registered symbol, because bundles have copies of this module. */
const INTERNALS: unique symbol = Symbol.for("sse-bus.internals");

/** What the package's own routes need of a bus. */
export interface BusInternals {
  readonly engine: Engine;
  readonly options: MutableOptions;
  /**
   * What outer layers keep with the bus, by name. They cannot keep it in a module, of which bundles
   * have copies.
   */
  readonly attachments: Map<string, unknown>;
  readonly maxMessageBytes: number;
  /** Where failures in the background go. Never throws. */
  readonly onError: (error: Error) => void;
}

/** Settings that can change while the bus runs, as in a hot reload. */
export interface MutableOptions {
  schemas: Schemas | undefined;
  onError: (error: Error) => void;
}

const MAX_PACKET_BYTES = 65_536;
/**
 * Makes a bus: publish in one place, and every subscriber and event stream gets it, in order.
 *
 * @throws SseBusError `INVALID_OPTION`, `INVALID_CHANNEL`
 * @example
 * ```ts
 * const bus = createBus();
 * const unsubscribe = bus.subscribe((data) => console.log(data));
 * await bus.publish({ hello: "world" });
 * unsubscribe();
 * await bus.close();
 * ```
 */
export function createBus<const S extends Schemas>(
  options: BusOptions & { readonly schemas: S },
): Bus<ChannelsOfSchemas<S>, InputsOfSchemas<S>>;
export function createBus<Channels extends ChannelMap = AnyChannels>(
  options?: BusOptions,
): Bus<Channels>;
export function createBus(options: BusOptions = {}): Bus {
  const { backend = memoryBackend(), maxHistoryBytes = 67_108_864 } = options;
  const { maxMessageBytes = 262_144 } = options;
  assertCount(maxHistoryBytes, "maxHistoryBytes");
  assertCount(maxMessageBytes, "maxMessageBytes");
  const mutable: MutableOptions = {
    schemas: options.schemas,
    onError: options.onError ?? reportToConsole,
  };
  const onError = createReporter(mutable);
  const engine = createEngine({
    backend,
    history: createHistoryResolver(options.history),
    maxHistoryBytes,
    maxPacketBytes: MAX_PACKET_BYTES,
    onError,
    onRestart: (restarted) => void restartReaders(restarted).catch(onError),
  });
  const connecting = new Set<Promise<void>>();
  const subscribers = new Set<Subscriber>();
  const admit = createAdmission(engine, connecting);

  async function publish(
    data: unknown,
    given: PublishOptions = {},
  ): Promise<Published | PendingPublish> {
    assertOpen(engine);
    const { channel = DEFAULT_CHANNEL, event = "message", key, tx } = given;
    if (tx !== undefined) assertTransactional(engine.backend);
    assertChannel(channel);
    assertEventName(event);
    if (key !== undefined) assertKey(key);
    const id = given.id === undefined ? undefined : idempotencyId(given.id, given.publisher);
    const checked = validate(mutable.schemas, channel, event, data);
    // Only a validator may be asynchronous: a promise given as data is refused, as it is not JSON.
    const value = mutable.schemas && checked instanceof Promise ? await checked : checked;
    const { json, raw } = encodeData(value, given.raw, maxMessageBytes);
    const encoded = { channel, event, key, json, raw, id };
    const stored = await admit(() => store(engine.backend, encoded, tx));
    const message = {
      channel,
      event,
      data: value,
      ...(key !== undefined && { key }),
      ...(stored.duplicate && { duplicate: true as const }),
    };
    // A pending message is not counted: it may never be committed.
    if ("pending" in stored) return { ...message, pending: true };
    if (!stored.duplicate) engine.counters.published++;
    notePublished(engine, stored);
    return {
      id: messageId(stored, stored.epoch, encoded),
      ...message,
      time: stored.time,
    };
  }

  function subscribe(
    listener: (data: never, message: never) => unknown,
    given: SubscribeOptions = {},
  ): () => void {
    assertOpen(engine);
    const { channel = DEFAULT_CHANNEL, after, onGap } = given;
    assertTopic(channel);
    assertFunction(listener);
    if (after !== undefined) assertCursor(after);
    const subscriber = createSubscriber(engine, {
      listener,
      topic: channel,
      after,
      onGap,
      onError,
      connecting,
    });
    subscribers.add(subscriber);
    return () => {
      subscribers.delete(subscriber);
      subscriber.close();
    };
  }

  function stats(): BusStats {
    return {
      backend: backend.name,
      status: isClosed(engine) ? "closed" : engine.backendStatus,
      connections: countConnections(engine),
      listeners: subscribers.size,
      channels: engine.topics.size,
      ...engine.counters,
    };
  }

  async function close(): Promise<void> {
    const closed = closeEngine(engine);
    for (const subscriber of subscribers) subscriber.close();
    subscribers.clear();
    return closed;
  }

  const bus = {
    publish,
    subscribe,
    channel: (name: string) => ({
      subscribe: (listener: (data: never, message: never) => unknown, own?: SubscribeOptions) =>
        subscribe(listener, { ...own, channel: name }),
      publish: (data: unknown, own?: PublishOptions) => publish(data, { ...own, channel: name }),
    }),
    async cursor() {
      assertOpen(engine);
      assertNotBuilding();
      if (!isOpen(engine)) await engine.lifecycle.open();
      const head = await backend.readHead();
      return formatCursor(head, head.epoch);
    },
    stats,
    close,
    [Symbol.asyncDispose]: close,
    [INTERNALS]: {
      engine,
      options: mutable,
      attachments: new Map(),
      maxMessageBytes,
      onError,
    } satisfies BusInternals,
  };
  return bus as unknown as Bus;
}

/**
 * The engine behind a bus.
 *
 * @throws SseBusError `INVALID_OPTION` when `bus` was not made by `createBus`
 */
export function internalsOf(bus: object): BusInternals {
  const internals = (bus as { [INTERNALS]?: BusInternals })[INTERNALS];
  if (internals) return internals;
  throw new SseBusError("INVALID_OPTION", "`bus` must come from createBus() or sharedBus().");
}

/** Reports every failure in the background; an `onError` that fails itself is reported to the console. */
function createReporter(options: MutableOptions): (error: Error) => void {
  return (error) => {
    try {
      catchRejection(options.onError(error));
    } catch (failure) {
      reportToConsole(failure as Error);
    }
  };
}

/** An async `onError` that rejects would be an unhandled rejection, which ends a Node process. */
function catchRejection(answer: unknown): void {
  if (answer instanceof Promise) answer.catch(reportToConsole);
}

function reportToConsole(error: Error): void {
  console.error("[sse-bus]", error);
}

function countConnections({ cohorts, remote }: Engine): number {
  let count = 0;
  for (const cohort of cohorts.values()) {
    if (cohort.context === remote) count += countReaders(cohort);
  }
  return count;
}

function assertTransactional(
  backend: Backend,
): asserts backend is Backend & { publishIn: NonNullable<Backend["publishIn"]> } {
  if (backend.publishIn) return;
  throw new SseBusError(
    "TX_UNSUPPORTED",
    `\`tx\` needs a backend that lives in your database, such as postgresBackend; this bus is on "${backend.name}". Publish after the commit instead, without \`tx\`.`,
  );
}

function store(backend: Backend, message: NewMessage, tx: unknown): Promise<Stored | Pending> {
  if (tx === undefined) return backend.publish(message);
  assertTransactional(backend);
  return backend.publishIn(tx, message);
}

function assertFunction(listener: unknown): void {
  if (typeof listener === "function") return;
  throw new SseBusError("INVALID_OPTION", "`listener` must be a function.");
}

function assertCursor(after: string): void {
  if (typeof after === "string" && parseCursor(after)) return;
  throw new SseBusError(
    "INVALID_CURSOR",
    "`after` must be a message's id or a cursor from bus.cursor().",
  );
}
