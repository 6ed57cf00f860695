/**
 * What the backend uses of a NATS connection: the shape of `NatsConnection` from
 * `@nats-io/nats-core` 3, which `connect()` of `@nats-io/transport-node` returns.
 */
export interface NatsConnection {
  publish(subject: string, payload?: Uint8Array | string, options?: NatsPublishOptions): void;
  request(
    subject: string,
    payload?: Uint8Array | string,
    options?: NatsRequestOptions,
  ): Promise<NatsMessage>;
  subscribe(subject: string, options?: NatsSubscribeOptions): NatsSubscription;
  status(): AsyncIterable<{ readonly type: string }>;
  isClosed(): boolean;
  close(): Promise<void>;
}

/** A message as the client delivers it. */
export interface NatsMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly reply?: string;
  readonly headers?: NatsHeaders;
}

/** The headers of a message. `code` is the status of a control message of the server. */
export interface NatsHeaders {
  readonly code: number;
  readonly description: string;
  get(name: string): string;
  set(name: string, value: string): void;
}

export interface NatsPublishOptions {
  reply?: string;
  headers?: NatsHeaders;
}

export interface NatsRequestOptions {
  timeout: number;
  headers?: NatsHeaders;
}

export interface NatsSubscribeOptions {
  callback?: (error: Error | null, message: NatsMessage) => void;
}

export interface NatsSubscription {
  unsubscribe(): void;
}
