import { SseBusError } from "../core/errors.ts";
import type { NatsHeaders } from "./client-types.ts";

/** Creates the empty headers of a message. */
export type CreateHeaders = () => NatsHeaders;

/**
 * Loads `headers()` of the NATS client when a backend opens. With a static import, every app that uses
 * `backendFromUrl` would have to install the client. `@nats-io/transport-node` contains
 * `@nats-io/nats-core`, but a package manager that does not hoist hides it from this package.
 *
 * @throws SseBusError `BACKEND_UNAVAILABLE` when the app has neither
 */
export async function loadHeaders(): Promise<CreateHeaders> {
  try {
    return (await import(/* turbopackOptional: true */ "@nats-io/nats-core")).headers;
  } catch {
    // The other package is tried next.
  }
  try {
    return (await import(/* turbopackOptional: true */ "@nats-io/transport-node")).headers;
  } catch (cause) {
    throw new SseBusError(
      "BACKEND_UNAVAILABLE",
      "Neither `@nats-io/nats-core` nor `@nats-io/transport-node` could be loaded: add the latter to your app's dependencies.",
      { cause },
    );
  }
}
