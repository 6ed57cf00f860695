export { natsBackend } from "./nats-backend.ts";
export type {
  NatsConnection,
  NatsHeaders,
  NatsMessage,
  NatsPublishOptions,
  NatsRequestOptions,
  NatsSubscribeOptions,
  NatsSubscription,
} from "./nats-connection.ts";
export type { NatsBackendOptions } from "./nats-options.ts";
