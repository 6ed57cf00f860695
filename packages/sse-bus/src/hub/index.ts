export { createHub, type Hub } from "./create-hub.ts";
export type { HubOptions } from "./hub-options.ts";
