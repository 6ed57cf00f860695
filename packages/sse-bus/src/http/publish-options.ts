import type { Authorize } from "./authorize.ts";
import type { CorsOptions } from "./cors.ts";
import type { HostOptions } from "./host.ts";

/** Settings of a publish route. */
export interface PublishRouteOptions extends HostOptions {
  /**
   * Decides who may publish over HTTP. Without it, everybody may in development. In production nobody may,
   * unless `SSE_BUS_PUBLISH_TOKEN` is set (then clients that send it as `Authorization: Bearer`) or
   * `SSE_BUS_OPEN_PUBLISH=1`.
   */
  readonly authorize?: Authorize;
  /** How long `authorize` may take; without an answer the request gets 503. @default 10_000 */
  readonly authorizeTimeoutMs?: number;
  /** The pages of other origins that may publish. @default none */
  readonly cors?: CorsOptions;
  /**
   * Publishes per minute and client address that is not loopback; further ones get 429. A wrong publish token
   * counts as a hundred.
   * @default 6000
   */
  readonly maxPublishesPerMinute?: number;
}

/** The environment variables that decide who may publish. */
export type PublishEnv = Readonly<
  Partial<Record<"NODE_ENV" | "SSE_BUS_PUBLISH_TOKEN" | "SSE_BUS_OPEN_PUBLISH", string>>
>;

/** Whether everybody may publish: in development, or with `SSE_BUS_OPEN_PUBLISH=1`. */
export function isOpen(env: PublishEnv): boolean {
  return env.NODE_ENV === "development" || env.SSE_BUS_OPEN_PUBLISH === "1";
}
