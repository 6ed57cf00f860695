/**
 * Decides whether a request may subscribe or publish. Access is denied if it throws, and if it does not
 * answer within `authorizeTimeoutMs`.
 *
 * Throw an `SseBusError` with the code `AUTHORIZATION_UNAVAILABLE` when the decision cannot be made at
 * the moment, for example because a database is down. The client gets 503 and retries, which it does not
 * do after 403.
 */
export interface Authorize {
  (context: AuthorizeContext): Authorization | Promise<Authorization>;
  /**
   * Checks the credentials of a publish alone, before its body is read: `false` is 401, and the body is never
   * read. The function itself decides about the channel afterwards. Optional: `jwtAuthorize` has it.
   */
  readonly authenticate?: (request: Request) => boolean | Promise<boolean>;
}

/** What `authorize` decides about. */
export interface AuthorizeContext {
  /**
   * For its headers and address. Its body cannot be read: that of a publish has been read already, because it names
   * the channel.
   */
  readonly request: Request;
  /** The requested channels. A pattern is passed, and has to be judged, as a pattern. */
  readonly channels: readonly string[];
  readonly action: "subscribe" | "publish";
}

/**
 * `true`: everything is granted. `false` or `403`: access is denied. `401`: credentials are required. An
 * object grants the given `channels` only (each of them requested, or covered by a requested pattern), and
 * only until `expiresAt` (ms since 1970), when `authorize` is called again. `identity` identifies the client:
 * `maxConnectionsPerIdentity` limits its streams, `bus.disconnect` ends them, and idempotency ids of its
 * publishes are separate from those of other identities. A client without one is anonymous.
 */
export type Authorization = boolean | 401 | 403 | Grant;

export interface Grant {
  readonly channels?: readonly string[];
  readonly expiresAt?: number | Date;
  readonly identity?: Identity;
}

/** The client, as `authorize` identifies it. Take it from checked credentials, never from what the client says. */
export interface Identity {
  /** 1 to 200 bytes, the same for all clients of one user. An open stream keeps it: another one ends the stream. */
  readonly id: string;
  /** What others may know of this user, such as a name: JSON of up to 1 KiB, read when a stream opens. */
  readonly info?: unknown;
}
