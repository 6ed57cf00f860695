import { SseBusError } from "../core/errors.ts";
import type { NatsHeaders } from "./nats-connection.ts";

/** Makes the empty headers of a message. */
export type CreateHeaders = () => NatsHeaders;

/**
 * Finds `headers()` of the NATS client. It is loaded when a backend opens: a static import would make
 * every app that can name a backend by URL install the client. `@nats-io/transport-node` contains
 * `@nats-io/nats-core`, and package managers that do not hoist hide the latter from us.
 *
 * @throws SseBusError `BACKEND_UNAVAILABLE` when the app has neither
 */
export async function loadHeaders(): Promise<CreateHeaders> {
  try {
    return (await import(/* turbopackOptional: true */ "@nats-io/nats-core")).headers;
  } catch {
    // Tried next.
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
