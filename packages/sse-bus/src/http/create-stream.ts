import type { Identity } from "./authorize.ts";
import { register } from "./connections.ts";
import { PageStream } from "./page-stream.ts";
import { PresentStream } from "./present-stream.ts";
import {
  EventStream,
  type StreamConnection,
  type StreamConnectionOptions,
  type StreamRoute,
} from "./stream-connection.ts";

/** Opens a place for a stream, and counts it. */
export function createStreamConnection(
  route: StreamRoute,
  options: StreamConnectionOptions,
): StreamConnection {
  const connection = createStream(route, options);
  register(route.context.connections, connection);
  return connection;
}

function createStream(route: StreamRoute, options: StreamConnectionOptions): EventStream {
  const { identity, page, presence } = options;
  if (page) return new PageStream(route, options, page);
  if (presence) return new PresentStream(route, options, presence);
  return identity
    ? new IdentifiedStream(route, options, identity)
    : new EventStream(route, options);
}

/** A stream of a client that `authorize` identifies. A class of its own: other streams do not have the field. */
class IdentifiedStream extends EventStream {
  readonly identity: Identity;

  constructor(route: StreamRoute, options: StreamConnectionOptions, identity: Identity) {
    super(route, options);
    this.identity = identity;
  }
}
