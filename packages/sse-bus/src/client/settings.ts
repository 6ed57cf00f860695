import type { ClientHost } from "./client-host.ts";
import type { SseClient, SseClientOptions } from "./client-types.ts";
import type { Ladder } from "./ladder.ts";
import type { FrameMessage } from "./protocol.ts";

/** The options of a client, and what it knows of its page. They change; each connection reads them. */
export interface ClientSettings extends SseClientOptions {
  url: string;
  readonly host?: ClientHost;
  /** A `hello` has come before, here or in another tab: see `readAnswer` in answer.ts. */
  wasOpen?: boolean;
  /** What the client has learned of the network. See ladder.ts. */
  ladder?: Ladder | undefined;
  /** For tests: see probe-timer.ts. */
  readonly probeMs?: number;
  /** Gets every frame that reaches this page. */
  onFrame?: (frame: FrameMessage) => void;
}

/** Where a client keeps its settings for `createPresence` and the hooks, which are bundles of their own. */
export const SETTINGS: unique symbol = Symbol.for("sse-bus.settings") as never;

/** A client as this package makes it. */
export interface OwnClient extends SseClient {
  readonly [SETTINGS]?: ClientSettings;
}
