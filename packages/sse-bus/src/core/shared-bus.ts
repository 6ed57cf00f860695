import { createBus, internalsOf } from "./bus.ts";
import type { Bus, BusOptions } from "./bus-types.ts";
import type { Schemas } from "./schema.ts";
import type { AnyChannels, ChannelMap, ChannelsOfSchemas, InputsOfSchemas } from "./types.ts";
import { VERSION } from "./version.ts";

interface SharedBus {
  readonly bus: Bus;
  readonly fingerprint: string;
}

const REGISTRY: unique symbol = Symbol.for("sse-bus.shared");

/**
 * The bus of this process: made by the first call, the same one ever after. Next.js gives routes,
 * Server Actions and instrumentation copies of a module, and hot reload makes more of them; a bus
 * that lived in the module would be several, and messages would be lost between them.
 *
 * Validators and `onError` are taken over from the latest call. In development, other changed
 * settings replace the bus, and open streams are told to reconnect.
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

/** Every shared bus of this process. */
export function sharedBuses(): Bus[] {
  const registry = (globalThis as { [REGISTRY]?: Map<string, SharedBus> })[REGISTRY];
  return [...(registry?.values() ?? [])].map(({ bus }) => bus);
}

/** {@link BusOptions}, and a name for apps that have more than one bus. */
export interface SharedBusOptions extends BusOptions {
  /** @default "default" */
  readonly name?: string;
}

function adopt(bus: Bus, { schemas, onError }: BusOptions): void {
  const { options } = internalsOf(bus);
  options.schemas = schemas;
  if (onError) options.onError = onError;
}

/** What cannot be exchanged while a bus runs. */
function fingerprintOf({ backend, history, maxHistoryBytes, maxMessageBytes }: BusOptions): string {
  const fixed = [VERSION, backend?.name, history, maxHistoryBytes, maxMessageBytes];
  return JSON.stringify(fixed, (_, value: unknown) =>
    value === Number.POSITIVE_INFINITY ? "Infinity" : value,
  );
}

function isDevelopment(): boolean {
  return typeof process !== "undefined" && process.env.NODE_ENV === "development";
}
