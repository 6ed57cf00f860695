import type { NatsHeaders, NatsMessage } from "./nats-connection.ts";

/** A message of the stream, as a consumer delivers it. */
export interface Delivery {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: NatsHeaders | undefined;
  /** Its place in the stream. */
  readonly seq: number;
  /** When the server stored it, in ms since 1970. */
  readonly time: number;
  /** Its place among what this consumer has delivered, from 1 on. */
  readonly count: number;
  /** How many the consumer has still to deliver after it. */
  readonly pending: number;
}

/**
 * Reads where a message stands from the subject it would be acknowledged on:
 * `$JS.ACK[.<domain>.<account>].<stream>.<consumer>.<deliveries>.<seq>.<count>.<time>.<pending>[.…]`.
 *
 * @see https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-15.md
 */
export function toDelivery(message: NatsMessage): Delivery | undefined {
  const tokens = message.reply?.split(".") ?? [];
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK") return undefined;
  const first = tokens.length > 9 ? 7 : 5;
  const [seq, count, time, pending] = tokens.slice(first, first + 4);
  if (pending === undefined) return undefined;
  return {
    subject: message.subject,
    data: message.data,
    headers: message.headers,
    seq: Number(seq),
    count: Number(count),
    // Nanoseconds are more than a double holds; what is cut off is less than a millisecond.
    time: Number(time?.slice(0, -6)),
    pending: Number(pending),
  };
}

/** The status of a message that the server itself sends; `undefined` for all others. */
export function statusOf(message: NatsMessage): number | undefined {
  const code = message.headers?.code ?? 0;
  return code > 0 ? code : undefined;
}
