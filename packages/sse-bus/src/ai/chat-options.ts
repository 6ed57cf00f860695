import type { Bus } from "../core/bus-types.ts";
import { SseBusError } from "../core/errors.ts";
import { assertCount } from "../core/history.ts";
import { assertCors, type CorsOptions } from "../http/cors.ts";
import { assertAllowedHosts, type HostOptions } from "../http/host.ts";
import type { StreamLimits } from "../streams/index.ts";

/** Options of {@link createChatRoutes}, with the limits of its streams. */
export interface ChatRouteOptions extends HostOptions, StreamLimits {
  readonly bus: Pick<Bus, "close">;
  /** Who may start, read and stop the answers of a chat. Required: the id of a chat is no secret. */
  readonly authorize: AuthorizeChat;
  /** How long `authorize` may take, in ms. After it, the answer is 503. @default 10_000 */
  readonly authorizeTimeoutMs?: number;
  /** The other origins whose pages may use the chat. Their preflights need the export `OPTIONS`. @default none */
  readonly cors?: CorsOptions;
}

/**
 * Decides about one request. Only `true` grants it; `401` asks for credentials; everything else is 403. It is 403 too if
 * it throws, and 503 if it throws `AUTHORIZATION_UNAVAILABLE`, for example because a database is down, or takes too long.
 */
export type AuthorizeChat = (
  context: ChatContext,
) => boolean | 401 | 403 | Promise<boolean | 401 | 403>;

/** What `authorize` of {@link createChatRoutes} decides about. */
export interface ChatContext {
  /** For its headers. The body of a `POST` has been read already, because it has the chat's id. */
  readonly request: Request;
  /** The chat's id, as the client sent it. Up to 177 characters, encoded. */
  readonly id: string;
  readonly action: ChatAction;
}

/** `answer`: starts an answer. `resume`: reads one that runs. `stop`: stops it. */
export type ChatAction = "answer" | "resume" | "stop";

/** @throws SseBusError `INVALID_OPTION` */
export function assertChatOptions(options: ChatRouteOptions): void {
  const { authorize, authorizeTimeoutMs, cors, allowedHosts } = options;
  if (typeof authorize !== "function") {
    throw new SseBusError(
      "INVALID_OPTION",
      "`authorize` is required: return whether this request's user may use the chat `id`.",
    );
  }
  if (authorizeTimeoutMs !== undefined) assertCount(authorizeTimeoutMs, "authorizeTimeoutMs");
  assertCors(cors);
  assertAllowedHosts(allowedHosts);
}
