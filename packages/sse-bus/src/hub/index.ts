/**
 * The hub: a server for streams and publishes, in a process of its own.
 *
 * @module
 */

export { createHub, type Hub } from "./create-hub.ts";
export type { HubOptions } from "./hub-options.ts";
