import type { Bus } from "../core/bus-types.ts";
import type { ChannelMap } from "../core/types.ts";
import type { PublishRouteOptions } from "../http/publish-options.ts";
import type { StreamOptions } from "../http/stream-options.ts";

/** Settings of {@link createHub}; those of the stream are {@link StreamOptions}. */
export interface HubOptions<
  Channels extends ChannelMap,
  Inputs extends ChannelMap,
> extends StreamOptions {
  /** Closing the hub does not close it. */
  readonly bus: Bus<Channels, Inputs>;
  /**
   * Clients that send it as `Authorization: Bearer` may publish to every channel. Without it, and without
   * `authorizePublish` or `openPublish`, nobody may publish over HTTP.
   */
  readonly publishToken?: string;
  /** Everybody may publish. @default false */
  readonly openPublish?: boolean;
  /**
   * Decides who may publish to which channels, for clients without `publishToken`. Its `identity` separates the
   * idempotency ids of publishers. `authorize` does not decide about publishing; the same function may be given.
   */
  readonly authorizePublish?: NonNullable<PublishRouteOptions["authorize"]>;
  /** Publishes per minute and client address that is not loopback. @default 6000 */
  readonly maxPublishesPerMinute?: number;
  /**
   * States per stream and minute that clients may set, with the option `presence`; twenty times as many per
   * client address.
   * @default 600
   */
  readonly maxStatesPerMinute?: number;
  /**
   * Serves the inspector at `/inspector` to those who know this token. Browsers ask for it as the password of any user.
   * @default no inspector
   */
  readonly inspectorToken?: string;
  /** Trusted proxies in front that append to `X-Forwarded-For`. @default 0 */
  readonly trustedProxies?: number;
  /**
   * Certificate chain and private key, in PEM: the hub then serves HTTP/2 beside HTTP/1.1, which has no
   * limit of six connections per browser.
   */
  readonly tls?: { readonly cert: string | Uint8Array; readonly key: string | Uint8Array };
}
