import {
  type Attributes,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type {
  Bus,
  OutgoingMessage,
  PendingPublish,
  Published,
  PublishManyOptions,
  PublishOptions,
} from "../core/bus-types.ts";
import { DEFAULT_CHANNEL } from "../core/channel-name.ts";
import { isSseBusError } from "../core/errors.ts";
import { onChannel } from "../core/publish.ts";
import type { ChannelMap } from "../core/types.ts";
import { VERSION } from "../core/version.ts";

/** Settings of {@link traced}. */
export interface TracedOptions {
  /** @default the one of the globally registered provider */
  readonly tracer?: Tracer;
}

/**
 * The same bus with an OpenTelemetry span around each publish, whether over HTTP, from a Server Action or in code. A
 * batch is one span, with the number of its messages as `messaging.batch.message_count`.
 * Needs `@opentelemetry/api`, which the app installs. Without a registered SDK the spans cost next to nothing and
 * are not exported.
 *
 * Names follow the semantic conventions for messaging: a producer span `send`, with the channel as
 * `messaging.destination.name`. The data of messages is not recorded.
 *
 * @example
 * ```ts
 * // lib/sse-bus.ts
 * import { sharedBus } from "sse-bus";
 * import { traced } from "sse-bus/otel";
 *
 * export const bus = traced(sharedBus());
 * ```
 */
export function traced<Channels extends ChannelMap, Inputs extends ChannelMap>(
  bus: Bus<Channels, Inputs>,
  options: TracedOptions = {},
): Bus<Channels, Inputs> {
  // Read at each publish: the app may register its provider after this module is loaded.
  const tracer = (): Tracer => options.tracer ?? trace.getTracer("sse-bus", VERSION);
  const own = bus as unknown as Bus;

  function inSpan<T>(attributes: Attributes, send: (span: Span) => Promise<T>): Promise<T> {
    const spanOptions = { kind: SpanKind.PRODUCER, attributes };
    return tracer().startActiveSpan("send", spanOptions, async (span) => {
      try {
        return await send(span);
      } catch (error) {
        recordError(span, error);
        throw error;
      } finally {
        span.end();
      }
    });
  }

  function publish(data: unknown, given: PublishOptions = {}): Promise<Sent> {
    return inSpan(describe(given), async (span) => {
      const message: Sent = await own.publish(data, given);
      recordSent(span, message);
      return message;
    });
  }

  function publishMany(
    messages: readonly OutgoingMessage[],
    given?: PublishManyOptions,
  ): Promise<Sent[]> {
    return inSpan(describeBatch(messages), () => own.publishMany(messages, given));
  }

  const withSpans = {
    // Also the internals, under their symbol, so that routes accept either of the two.
    ...own,
    publish,
    publishMany,
    channel: (name: string) => ({
      ...own.channel(name),
      publish: (data: unknown, given?: PublishOptions) =>
        publish(data, { ...given, channel: name }),
      publishMany: (messages: readonly OutgoingMessage[], given?: PublishManyOptions) =>
        publishMany(onChannel(name, messages), given),
    }),
  };
  return withSpans as unknown as Bus<Channels, Inputs>;
}

type Sent = Published | PendingPublish;

function describe({ channel = DEFAULT_CHANNEL, event, key }: PublishOptions): Attributes {
  return {
    "messaging.system": "sse_bus",
    "messaging.operation.type": "send",
    "messaging.operation.name": "publish",
    "messaging.destination.name": channel,
    ...(event !== undefined && { "sse_bus.event": event }),
    ...(key !== undefined && { "sse_bus.key": key }),
  };
}

/** The channel, if it is that of all messages. */
function describeBatch(messages: readonly OutgoingMessage[]): Attributes {
  if (!Array.isArray(messages)) return describe({});
  const { "messaging.destination.name": _, ...attributes } = describe({});
  const channels = new Set(messages.map((message) => message?.channel ?? DEFAULT_CHANNEL));
  const [channel] = channels;
  return {
    ...attributes,
    "messaging.batch.message_count": messages.length,
    ...(channels.size === 1 && { "messaging.destination.name": channel }),
  };
}

function recordSent(span: Span, message: Sent): void {
  if (message.id !== undefined) span.setAttribute("messaging.message.id", message.id);
  if ("duplicate" in message) span.setAttribute("sse_bus.duplicate", true);
}

function recordError(span: Span, error: unknown): void {
  span.setAttribute("error.type", isSseBusError(error) ? error.code : "_OTHER");
  span.recordException(error as Error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
}
