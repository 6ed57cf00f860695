import type { Authorize } from "./authorize.ts";
import type { CorsOptions } from "./cors.ts";
import type { HostOptions } from "./host.ts";

/** Options of a publish route. */
export interface PublishRouteOptions extends HostOptions {
  /**
   * Decides who may publish over HTTP. Without it, everybody may publish in development, and nobody in
   * production. Two environment variables permit it in production: `SSE_BUS_PUBLISH_TOKEN` for clients that
   * send this token as `Authorization: Bearer`, and `SSE_BUS_OPEN_PUBLISH=1` for everybody.
   */
  readonly authorize?: Authorize;
  /** How long `authorize` may take. After that, the request gets 503. @default 10_000 */
  readonly authorizeTimeoutMs?: number;
  /** The other origins whose pages may publish. @default none */
  readonly cors?: CorsOptions;
  /**
   * Messages per minute and client address, unless it is loopback. Further requests get 429. A request with
   * a wrong publish token counts as 100.
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
