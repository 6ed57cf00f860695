import type { SseClient, SseSubscribeOptions } from "./client-types.ts";

/**
 * Subscribes from `latest` or `earliest`. Only a connection apart can start there: it would start the
 * others there, too. Once it has reached the head, which its first `ping` tells, what it serves goes on
 * from its cursor like everything else.
 */
export function createSnapshots(
  subscribe: SseClient["subscribe"],
  connectApart: () => SseClient,
): SseClient["subscribe"] {
  /** By start, the client on which subscriptions of this turn begin. */
  const starters: Record<string, SseClient> = {};

  return (key, listener, subscribing = {}) => {
    const start = subscribing.cursor as string;
    // What else starts in this turn, starts with it.
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
