import { attachmentOf, type BusInternals } from "../core/bus-internals.ts";
import { handleDisconnects } from "../core/disconnect.ts";
import { type Disconnect, type DisconnectedStream, isMeant } from "../core/disconnect-target.ts";
import { SseBusError } from "../core/errors.ts";
import { controlChannelOf } from "../core/instances/instances.ts";
import { withTimeout } from "../core/timers.ts";
import { type ConnectionRegistry, connectionsOf } from "./connections.ts";
import { endAll } from "./drain.ts";

/** Ends the streams that `bus.disconnect` is meant for, of all routes of a bus. */
export interface Revocation {
  /** Whether the disconnects of other instances arrive: before that, no stream may be opened. */
  isLive: boolean;
  /** @throws SseBusError `BACKEND_UNAVAILABLE`, `BUS_CLOSED` */
  goLive(): Promise<void>;
  /** How many disconnects there were, for {@link isRevokedSince}. */
  count: number;
  /** Those that streams which wait for `authorize` may be meant by: the newest, oldest first. */
  readonly recent: (Disconnect | typeof ANY)[];
}

/** Disconnects may have been missed: every stream may be meant. */
const ANY: unique symbol = Symbol.for("sse-bus.any-disconnect");

/** With more disconnects during one call of `authorize`, the stream counts as meant. */
const MAX_RECENT = 256;

/** A backend that does not answer for this long is unavailable. */
const LIVE_TIMEOUT_MS = 5000;

/** The one of a bus; the first call makes it. It is kept with the bus, as bundles have copies of this module. */
export function revocationOf(internals: BusInternals): Revocation {
  return attachmentOf(internals, "revocation", () => createRevocation(internals));
}

/** Whether a stream that asked `authorize` when there were `count` disconnects was meant by one since. */
export function isRevokedSince(
  { count, recent }: Revocation,
  since: number,
  stream: DisconnectedStream,
): boolean {
  if (count === since) return false;
  const missed = count - since;
  if (missed > recent.length) return true;
  return recent.slice(-missed).some((order) => order === ANY || isMeant(order, stream));
}

function createRevocation(internals: BusInternals): Revocation {
  const connections = connectionsOf(internals);
  let going: Promise<void> | undefined;
  const revocation: Revocation = {
    isLive: false,
    goLive: async () => (going ??= goLive().finally(() => (going = undefined))),
    count: 0,
    recent: [],
  };

  async function goLive(): Promise<void> {
    await internals.engine.lifecycle.open();
    await withTimeout(controlChannelOf(internals).open(), LIVE_TIMEOUT_MS, unavailable);
    revocation.isLive = true;
  }

  handleDisconnects(internals, {
    end(disconnect) {
      note(revocation, connections, disconnect);
      return endMeant(connections, disconnect);
    },
    onGap() {
      note(revocation, connections, ANY);
      endAuthorized(connections);
    },
  });
  return revocation;
}

function note(
  revocation: Revocation,
  { places, open }: ConnectionRegistry,
  order: Disconnect | typeof ANY,
): void {
  revocation.count++;
  const { recent } = revocation;
  // Only a stream that has a place and is not open yet may ask for it.
  if (places === open.size) recent.length = 0;
  else if (recent.push(order) > MAX_RECENT) recent.shift();
}

function endMeant({ open, perIdentity }: ConnectionRegistry, disconnect: Disconnect): number {
  const { identity, code } = disconnect;
  if (identity !== undefined && !perIdentity.has(identity)) return 0;
  const meant = [...open].filter((stream) => isMeant(disconnect, stream));
  endAll(meant, (stream, retryMs) => stream.revoke(retryMs, code));
  return meant.length;
}

/**
 * Messages of the control channel were lost, and a disconnect may be among them. So all clients that
 * `authorize` checked reconnect, and it checks them again.
 */
function endAuthorized({ open }: ConnectionRegistry): void {
  const authorized = [...open].filter(({ isAuthorized }) => isAuthorized);
  endAll(authorized, (stream, retryMs) => stream.end("lifetime", retryMs));
}

function unavailable(): SseBusError {
  return new SseBusError(
    "BACKEND_UNAVAILABLE",
    `The backend did not start the control channel within ${LIVE_TIMEOUT_MS} ms. Retry later.`,
  );
}
