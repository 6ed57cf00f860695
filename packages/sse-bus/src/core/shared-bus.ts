import { createBus, internalsOf } from "./bus.ts";
import type { Bus, BusOptions } from "./bus-types.ts";
import { assertSchemas, type Schemas } from "./schema.ts";
import type { AnyChannels, ChannelMap, ChannelsOfSchemas, InputsOfSchemas } from "./types.ts";
import { VERSION } from "./version.ts";

interface SharedBus {
  readonly bus: Bus;
  readonly fingerprint: string;
}

const REGISTRY: unique symbol = Symbol.for("sse-bus.shared");

/**
 * Returns the bus of this process. The first call creates it; later calls return the same bus. After `close`,
 * the next call creates a new one.
 *
 * Use it in Next.js, which loads separate copies of a module for routes, Server Actions and instrumentation,
 * and again on hot reload. If each copy created its own bus, messages would not reach the subscribers of the
 * others.
 *
 * Each call replaces the bus's validators, and its `onError` if the call sets one. In development, a call
 * with other changed options closes the bus and creates a new one, and the clients of open streams reconnect.
 * In production, such a call returns the existing bus and ignores these options.
 *
 * @throws SseBusError `INVALID_OPTION`, `INVALID_CHANNEL`
 * @example
 * ```ts
 * // lib/sse-bus.ts
 * export const bus = sharedBus();
 * export const { subscribe, publish } = bus;
 * ```
 */
export function sharedBus<const S extends Schemas>(
  options: SharedBusOptions & { readonly schemas: S },
): Bus<ChannelsOfSchemas<S>, InputsOfSchemas<S>>;
export function sharedBus<Channels extends ChannelMap = AnyChannels>(
  options?: SharedBusOptions,
): Bus<Channels>;
export function sharedBus(options: SharedBusOptions = {}): Bus {
  const { name = "default", ...own } = options;
  const registry = ((globalThis as { [REGISTRY]?: Map<string, SharedBus> })[REGISTRY] ??=
    new Map());
  const fingerprint = fingerprintOf(own);
  const known = registry.get(name);
  if (known && known.bus.stats().status !== "closed") {
    const isSame = known.fingerprint === fingerprint;
    if (isSame || !isDevelopment()) {
      adopt(known.bus, own);
      return known.bus;
    }
    void known.bus.close().catch((error: Error) => own.onError?.(error));
  }
  const bus: Bus = createBus(own);
  registry.set(name, { bus, fingerprint });
  return bus;
}

/** All shared buses of this process. */
export function sharedBuses(): Bus[] {
  const registry = (globalThis as { [REGISTRY]?: Map<string, SharedBus> })[REGISTRY];
  return [...(registry?.values() ?? [])].map(({ bus }) => bus);
}

/** {@link BusOptions}, and a name for applications with several buses. */
export interface SharedBusOptions extends BusOptions {
  /** The name of the bus. Calls with different names return different buses. @default "default" */
  readonly name?: string;
}

function adopt(bus: Bus, { schemas, onError }: BusOptions): void {
  const { options } = internalsOf(bus);
  assertSchemas(schemas);
  options.schemas = schemas;
  if (onError) options.onError = onError;
}

/** Identifies the options that cannot change while a bus runs. */
function fingerprintOf({ backend, history, maxHistoryBytes, maxMessageBytes }: BusOptions): string {
  const fixed = [VERSION, backend?.name, history, maxHistoryBytes, maxMessageBytes];
  return JSON.stringify(fixed, (_, value: unknown) =>
    value === Number.POSITIVE_INFINITY ? "Infinity" : value,
  );
}

function isDevelopment(): boolean {
  return typeof process !== "undefined" && process.env.NODE_ENV === "development";
}
