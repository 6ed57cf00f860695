import type { SseClientError } from "../client/client-error.ts";
import type { SseStatus } from "../client/status.ts";
import type { Gap } from "../core/packet.ts";

/** The result of `useChannel` and `useLive`: a union discriminated by `status`. */
export type ChannelResult<Value> =
  | {
      /** The stream is live. */
      readonly status: "open";
      readonly data: Value;
      readonly error: undefined;
      /** The last gap, if there was one. */
      readonly gap: Gap | undefined;
    }
  | {
      /** Not live: connecting, suspended, closed or not enabled. */
      readonly status: Exclude<SseStatus, "open" | "failed">;
      readonly data: Value;
      /** Why the stream was lost. */
      readonly error: SseClientError | undefined;
      readonly gap: Gap | undefined;
    }
  | {
      /** The server gave a final answer; `useSse().reconnect()` tries again. */
      readonly status: "failed";
      readonly data: Value;
      readonly error: SseClientError;
      readonly gap: Gap | undefined;
    };
