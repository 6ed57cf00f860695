import {
  type Attributes,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { Bus, PendingPublish, Published, PublishOptions } from "../core/bus-types.ts";
import { DEFAULT_CHANNEL } from "../core/channel-name.ts";
import { isSseBusError } from "../core/errors.ts";
import type { ChannelMap } from "../core/types.ts";
import { VERSION } from "../core/version.ts";

/** Settings of {@link traced}. */
export interface TracedOptions {
  /** @default the one of the globally registered provider */
  readonly tracer?: Tracer;
}

/**
 * The same bus with an OpenTelemetry span around each publish, whether over HTTP, from a Server Action or in code.
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

  function publish(data: unknown, given: PublishOptions = {}): Promise<Sent> {
    const attributes = describe(given);
    return tracer().startActiveSpan("send", { kind: SpanKind.PRODUCER, attributes }, (span) =>
      own.publish(data, given).then(
        (message: Sent) => succeed(span, message),
        (error: unknown) => fail(span, error),
      ),
    );
  }

  const withSpans = {
    // Also the internals, under their symbol, so that routes accept either of the two.
    ...own,
    publish,
    channel: (name: string) => ({
      ...own.channel(name),
      publish: (data: unknown, given?: PublishOptions) =>
        publish(data, { ...given, channel: name }),
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

function succeed(span: Span, message: Sent): Sent {
  if (message.id !== undefined) span.setAttribute("messaging.message.id", message.id);
  if ("duplicate" in message) span.setAttribute("sse_bus.duplicate", true);
  span.end();
  return message;
}

function fail(span: Span, error: unknown): never {
  span.setAttribute("error.type", isSseBusError(error) ? error.code : "_OTHER");
  span.recordException(error as Error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).message });
  span.end();
  throw error;
}
