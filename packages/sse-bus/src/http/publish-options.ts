import type { Authorize } from "./authorize.ts";
import type { CorsOptions } from "./cors.ts";
import type { HostOptions } from "./host.ts";

/** Settings of a publish route. */
export interface PublishRouteOptions extends HostOptions {
  /**
   * Who may publish over HTTP. Without it: everybody in development; in production nobody, unless
   * `SSE_BUS_PUBLISH_TOKEN` is set (then whoever sends it as `Authorization: Bearer`) or
   * `SSE_BUS_OPEN_PUBLISH=1`.
   */
  readonly authorize?: Authorize;
  /** How long `authorize` may take; no answer is a no, told as 503. @default 10_000 */
  readonly authorizeTimeoutMs?: number;
  /** Pages of other origins that may publish. @default none */
  readonly cors?: CorsOptions;
  /**
   * Publishes a minute for each client address that is not loopback; more are answered 429. A wrong
   * publish token counts as a hundred.
   * @default 6000
   */
  readonly maxPublishesPerMinute?: number;
}

/** The environment that decides who may publish. */
export type PublishEnv = Readonly<
  Partial<Record<"NODE_ENV" | "SSE_BUS_PUBLISH_TOKEN" | "SSE_BUS_OPEN_PUBLISH", string>>
>;

/** Whether anybody may publish: in development, or where `SSE_BUS_OPEN_PUBLISH=1` says so. */
export function isOpen(env: PublishEnv): boolean {
  return env.NODE_ENV === "development" || env.SSE_BUS_OPEN_PUBLISH === "1";
}
