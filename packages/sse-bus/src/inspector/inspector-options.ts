import type { ChannelMap } from "../core/types.ts";
import type { HandlerBase } from "../http/handler-options.ts";
import type { HostOptions } from "../http/host.ts";

/** Settings of the inspector. */
export interface InspectorOptions extends HostOptions {
  /**
   * Decides who may use the inspector. Without it, the inspector is open in development, and does not exist in
   * production. With it, it decides in development, too.
   */
  readonly authorize?: InspectorAuthorize | undefined;
  /** How long `authorize` may take. After that, the request gets 503. @default 10_000 */
  readonly authorizeTimeoutMs?: number;
}

/** Settings of an inspector's handler. */
export interface InspectorHandlerOptions<Channels extends ChannelMap, Inputs extends ChannelMap>
  extends InspectorOptions, HandlerBase<Channels, Inputs> {}

/**
 * Decides about one request to the inspector: of the page, of its data once a second, and of each action. Access is
 * denied if it throws, and if it does not answer in time.
 */
export interface InspectorAuthorize {
  (context: InspectorContext): InspectorAuthorization | Promise<InspectorAuthorization>;
  /** `WWW-Authenticate` of the answer to `401`. @default Bearer */
  readonly challenge?: string;
}

/** What `authorize` of the inspector decides about. */
export interface InspectorContext {
  /** For its headers. Its body cannot be read. */
  readonly request: Request;
}

/**
 * `true`: the client sees everything, may publish and may disconnect streams. An object: it sees everything, and may do
 * what the object says. `false` or `403`: access is denied. `401`: credentials are required.
 */
export type InspectorAuthorization = boolean | 401 | 403 | InspectorGrant;

/** What a client of the inspector may do, besides looking. */
export interface InspectorGrant {
  /** It may publish any message. @default false */
  readonly publish?: boolean;
  /** It may disconnect streams. @default false */
  readonly disconnect?: boolean;
}

/** The environment variables that the inspector reads. */
export type InspectorEnv = Readonly<Partial<Record<"NODE_ENV", string>>>;
