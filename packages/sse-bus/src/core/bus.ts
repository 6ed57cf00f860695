import { createAdmission } from "./admission.ts";
import { assertNotBuilding } from "./build-phase.ts";
import { type BusInternals, INTERNALS, type MutableOptions } from "./bus-internals.ts";
import type {
  Bus,
  BusOptions,
  BusStats,
  OutgoingMessage,
  PublishManyOptions,
  PublishOptions,
  SubscribeOptions,
} from "./bus-types.ts";
import { assertTopic, DEFAULT_CHANNEL } from "./channel-name.ts";
import { countReaders } from "./cohort.ts";
import { disconnect } from "./disconnect.ts";
import type { DisconnectOptions, DisconnectTarget } from "./disconnect-target.ts";
import { assertOpen, closeEngine, createEngine, type Engine, isClosed, isOpen } from "./engine.ts";
import { SseBusError } from "./errors.ts";
import { assertCount, createHistoryResolver } from "./history.ts";
import { whileSubscribed } from "./instances/while-subscribed.ts";
import type {
  RunWhileSubscribed,
  WhileSubscribedOptions,
} from "./instances/while-subscribed-types.ts";
import { READ_LIVE, type LiveDefinition } from "./live/live-types.ts";
import { readLive } from "./live/read-live.ts";
import { createSubscriber, readFor, type Subscriber } from "./subscriber.ts";
import { memoryBackend } from "./memory-backend.ts";
import { formatCursor, parseCursor } from "./position.ts";
import { createChannelPresence } from "./presence/bus-presence.ts";
import type { ChannelPresence } from "./presence/presence-types.ts";
import { createPublisher, onChannel } from "./publish.ts";
import { restartReaders } from "./restart.ts";
import { assertSchemas, type Schemas } from "./schema.ts";
import type { AnyChannels, ChannelMap, ChannelsOfSchemas, InputsOfSchemas } from "./types.ts";

export { type BusInternals, internalsOf } from "./bus-internals.ts";

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
  assertSchemas(options.schemas);
  const mutable: MutableOptions = {
    schemas: options.schemas,
    onError: options.onError ?? reportToConsole,
  };
  const onError = createReporter(mutable);
  const history = createHistoryResolver(options.history);
  const engine = createEngine({
    backend,
    history,
    maxHistoryBytes,
    maxPacketBytes: MAX_PACKET_BYTES,
    onError,
    onRestart: (restarted) => void restartReaders(restarted).catch(onError),
  });
  const connecting = new Set<Promise<void>>();
  const subscribers = new Set<Subscriber>();
  const ownSubscribers = new Set<Subscriber>();
  const admit = createAdmission(engine, connecting);
  const { publish, publishMany } = createPublisher({
    engine,
    admit,
    options: mutable,
    maxMessageBytes,
  });

  function subscribe(
    listener: (data: never, message: never) => unknown,
    given: SubscribeOptions = {},
  ): () => void {
    assertOpen(engine);
    const { channel = DEFAULT_CHANNEL, after, onGap } = given;
    assertTopic(channel);
    assertFunction(listener, "listener");
    if (after !== undefined) assertCursor(after);
    const subscriber = createSubscriber(engine, {
      read: readFor(listener),
      topic: channel,
      start: after === undefined ? "now" : { cursor: after },
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

  async function readCursor(call?: string): Promise<string> {
    assertOpen(engine);
    assertNotBuilding(call);
    if (!isOpen(engine)) await engine.lifecycle.open();
    const head = await backend.readHead();
    return formatCursor(head, head.epoch);
  }

  function stats(): BusStats {
    return {
      backend: backend.name,
      status: isClosed(engine) ? "closed" : engine.backendStatus,
      connections: countConnections(engine),
      listeners: subscribers.size,
      channels: engine.topics.size - engine.ownTopics,
      ...engine.counters,
    };
  }

  async function close(): Promise<void> {
    const closed = closeEngine(engine);
    for (const all of [subscribers, ownSubscribers]) {
      for (const subscriber of all) subscriber.close();
      all.clear();
    }
    return closed;
  }

  const internals: BusInternals = {
    engine,
    options: mutable,
    attachments: new Map(),
    maxMessageBytes,
    history,
    admit,
    ownSubscribers,
    onError,
  };

  const bus = {
    publish,
    publishMany,
    subscribe,
    channel: (name: string) => ({
      subscribe: (listener: (data: never, message: never) => unknown, own?: SubscribeOptions) =>
        subscribe(listener, { ...own, channel: name }),
      publish: (data: unknown, own?: PublishOptions) => publish(data, { ...own, channel: name }),
      publishMany: (messages: readonly OutgoingMessage[], own?: PublishManyOptions) =>
        publishMany(onChannel(name, messages), own),
    }),
    cursor: async () => readCursor(),
    async snapshot(load: () => unknown) {
      assertFunction(load, "load");
      const cursor = await readCursor("bus.snapshot()");
      return { data: await load(), cursor };
    },
    disconnect: async (target: DisconnectTarget, own?: DisconnectOptions) =>
      disconnect(internals, target, own),
    presence: <Info, State>(channel: string) =>
      createChannelPresence(internals, channel) as ChannelPresence<Info, State>,
    whileSubscribed: (
      pattern: string,
      run: RunWhileSubscribed<never>,
      own?: WhileSubscribedOptions,
    ) => whileSubscribed(internals, pattern, run, own),
    stats,
    close,
    [Symbol.asyncDispose]: close,
    [INTERNALS]: internals,
    [READ_LIVE]: async (live: LiveDefinition) => readLive(internals, live),
  };
  return bus as unknown as Bus;
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

function assertFunction(value: unknown, name: string): void {
  if (typeof value === "function") return;
  throw new SseBusError("INVALID_OPTION", `\`${name}\` must be a function.`);
}

function assertCursor(after: string): void {
  if (typeof after === "string" && parseCursor(after)) return;
  throw new SseBusError(
    "INVALID_CURSOR",
    "`after` must be a message's id or a cursor from bus.cursor().",
  );
}
