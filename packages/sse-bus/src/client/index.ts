/**
 * The browser's client, without a framework: reconnects, resume, and one connection for all tabs.
 *
 * @module
 */

export { decodeChannelSegment, encodeChannelSegment } from "../core/channel-segment.ts";
export type { BackoffOptions } from "./backoff.ts";
export { createSseClient } from "./client.ts";
export type { SseClientError, SseClientErrorCode } from "./client-error.ts";
export type {
  HeadersSource,
  SseClient,
  SseClientOptions,
  SseConnection,
  SseSubscribeOptions,
  SseTransport,
  TokenSource,
} from "./client-types.ts";
export { type SseEventHandler, type SseEventListener, SseEventSource } from "./event-source.ts";
export type { SseEventSourceEventMap, SseEventSourceInit } from "./event-source-types.ts";
export { createPresence } from "./presence.ts";
export type {
  PresenceHandle,
  PresenceMember,
  PresenceHandleOptions,
  PresenceView,
} from "./presence-types.ts";
export type { SseStatus } from "./status.ts";
