import { defineLive } from "sse-bus";

/** The number of likes, computed from the messages of the channel `likes`. */
export const likes = defineLive({
  channel: "likes",
  initial: 0,
  reduce: (count, { by }: { by: number }) => count + by,
});
