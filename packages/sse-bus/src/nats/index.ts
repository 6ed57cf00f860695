/**
 * The log in NATS JetStream.
 *
 * @module
 */

export { natsBackend } from "./nats-backend.ts";
export type {
  NatsConnection,
  NatsHeaders,
  NatsMessage,
  NatsPublishOptions,
  NatsRequestOptions,
  NatsSubscribeOptions,
  NatsSubscription,
} from "./client-types.ts";
export type { NatsBackendOptions } from "./options.ts";
