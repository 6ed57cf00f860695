import type { AnyChannels, ChannelsOf } from "./types.ts";

/**
 * Declare the type of your bus here once, and every hook knows its channels, events and data.
 *
 * @example
 * ```ts
 * // lib/sse-bus.ts, next to `export const bus = sharedBus<Channels>()`
 * declare module "sse-bus/react" {
 *   interface Register {
 *     bus: typeof bus;
 *   }
 * }
 * ```
 */
// oxlint-disable-next-line typescript/no-empty-interface -- filled by the user's declaration
export interface Register {}

/** The channels of the registered bus; without one, any channel with any data. */
export type RegisteredChannels = Register extends { readonly bus: infer Bus }
  ? ChannelsOf<Bus>
  : AnyChannels;
