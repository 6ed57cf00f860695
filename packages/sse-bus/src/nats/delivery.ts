import type { NatsHeaders, NatsMessage } from "./client-types.ts";

/** A message of the JetStream stream, as a consumer delivers it. */
export interface Delivery {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: NatsHeaders | undefined;
  /** Its position in the stream. */
  readonly seq: number;
  /** When the server stored it, in ms since 1970. */
  readonly time: number;
  /** Its number among the deliveries of this consumer, from 1. */
  readonly count: number;
  /** How many messages the consumer has yet to deliver. */
  readonly pending: number;
}

/**
 * Reads a message's metadata from the subject on which it would be acknowledged:
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
    // A double cannot hold nanoseconds since 1970; cutting off the last six digits leaves milliseconds.
    time: Number(time?.slice(0, -6)),
    pending: Number(pending),
  };
}

/** The status code of a control message of the server; `undefined` for other messages. */
export function statusOf(message: NatsMessage): number | undefined {
  const code = message.headers?.code ?? 0;
  return code > 0 ? code : undefined;
}
