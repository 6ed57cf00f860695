import type { SseClient, SseSubscribeOptions } from "./client-types.ts";

/**
 * Subscribes from `latest` or `earliest`. Only a separate connection can start there: on a shared one, all
 * other subscriptions would start there, too. Its first `ping` means that it has reached the head. From
 * then on, its subscriptions continue from their cursors on the shared connection.
 */
export function createSnapshots(
  subscribe: SseClient["subscribe"],
  connectApart: () => SseClient,
): SseClient["subscribe"] {
  /** For each start, the client on which subscriptions of this turn begin. */
  const starters: Record<string, SseClient> = {};

  return (key, listener, subscribing = {}) => {
    const start = subscribing.cursor as string;
    // Other subscriptions with this start, in this turn, use the same client.
    queueMicrotask(() => delete starters[start]);
    const starter = (starters[start] ??= connectApart());
    const hold = subscribe(key, () => {}, {
      onStatus: ({ status }) => status === "closed" && starter.close(),
    });
    let end = starter.subscribe(key, listener, subscribing);
    const goOn = (): void => {
      waited();
      end = subscribe(key, listener, { ...subscribing, cursor: end() });
      hold();
    };
    const waited = starter.subscribe(key, goOn, { event: "ping" } as SseSubscribeOptions as never);
    return () => {
      waited();
      hold();
      return end();
    };
  };
}
