import { isSseBusError, SseBusError } from "../core/errors.ts";
import type { SseClientError } from "./client-error.ts";
import type { SseClient, SseConnection } from "./client-types.ts";
import { createPresenceMembers } from "./presence-members.ts";
import { createStateSender } from "./presence-state.ts";
import type { PresenceHandle, PresenceHandleOptions, PresenceView } from "./presence-types.ts";
import { report } from "./report.ts";
import { type ClientSettings, type OwnClient, SETTINGS } from "./settings.ts";
import { presenceTopic } from "./topic.ts";

/** What the server accepts, in bytes of JSON. */
const MAX_STATE_BYTES = 1_024;

/**
 * Shows who is on a channel, and puts this page on it. It connects with the first `subscribe`. All uses of a
 * channel on a page share one set of members, and all tabs one stream.
 *
 * The stream route must have `presence` on, and its `authorize` must return an `identity`.
 *
 * @example
 * ```ts
 * const room = createPresence<{ name: string }, { typing: boolean }>(client, "rooms/1");
 * const stop = room.subscribe(() => {
 *   const { status, members } = room.getView();
 *   console.log(status, members.map(({ info }) => info?.name));
 * });
 * room.setState({ typing: true });
 * ```
 */
export function createPresence<Info = unknown, State = unknown>(
  client: Pick<SseClient, "subscribe">,
  channel: string,
  { url }: PresenceHandleOptions = {},
): PresenceHandle<Info, State> {
  const rooms = roomsOf(client);
  return {
    getView: () => (rooms.get(channel)?.view() ?? IDLE) as PresenceView<Info, State>,
    subscribe(listener) {
      let room = rooms.get(channel);
      if (!room) {
        room = openRoom(client as SseClient, channel, {
          url,
          onClose: () => rooms.delete(channel),
        });
        rooms.set(channel, room);
      }
      return room.subscribe(listener);
    },
    setState(state) {
      const json = encodeState(state);
      rooms.get(channel)?.setState(json);
    },
  };
}

/** The presence of one channel, shared by all its uses on a page. */
interface Room {
  view(): PresenceView;
  subscribe(listener: () => void): () => void;
  setState(state: string): void;
}

const IDLE: PresenceView = { status: "idle", members: [] };
const ROOMS = new WeakMap<object, Map<string, Room>>();

function roomsOf(client: object): Map<string, Room> {
  let rooms = ROOMS.get(client);
  if (!rooms) ROOMS.set(client, (rooms = new Map()));
  return rooms;
}

function openRoom(
  client: OwnClient,
  channel: string,
  { url, onClose }: PresenceHandleOptions & { readonly onClose: () => void },
): Room {
  const settings: ClientSettings = client[SETTINGS] ?? { url: "" };
  const listeners = new Set<() => void>();
  const sender = createStateSender(settings, channel, url);
  let members = createPresenceMembers();
  let connection: SseConnection = { status: "connecting" };
  let self: string | undefined;
  let isClosed = false;
  /** Made when it is asked for, so that a burst of events costs one. */
  let view: PresenceView | undefined;

  const changed = (): void => {
    view = undefined;
    for (const listener of listeners) {
      try {
        listener();
      } catch (cause) {
        report(settings, { code: "LISTENER_FAILED", message: String(cause), cause });
      }
    }
  };

  const onData = (data: PresenceData, { id }: { readonly id: string }): void => {
    const { type, identity } = data;
    const isOther = type === "members" && identity !== self;
    if (type === "members") self = identity;
    const isChanged = members.apply(data, id) || isOther;
    const state = self === undefined ? undefined : members.byId.get(self)?.state;
    sender.observe(JSON.stringify(state));
    if (type === "members" && data.connection !== undefined) sender.connected(data.connection);
    if (isChanged) changed();
  };

  const onStatus = (now: SseConnection): void => {
    const isNews = now.status !== connection.status || now.error !== connection.error;
    connection = now;
    // A page that may no longer read the channel must not show its members.
    if (now.status === "failed") members = createPresenceMembers();
    if (isNews) changed();
  };

  const subscribe = (): (() => void) => {
    try {
      return client.subscribe(presenceTopic(channel), onData as never, { onStatus });
    } catch (error) {
      // The hook calls this in an effect, where an error would unmount the whole page.
      if (!isSseBusError(error)) throw error;
      connection = { status: "failed", error: error as SseClientError };
      return () => {};
    }
  };

  const unsubscribe = subscribe();

  const closeUnlessUsed = (): void => {
    if (isClosed || listeners.size) return;
    isClosed = true;
    unsubscribe();
    sender.close();
    onClose();
  };

  return {
    view: () => (view ??= viewOf(connection, members, self)),
    setState: sender.set,
    subscribe(listener) {
      // Each call counts, also of one function.
      const own = (): void => listener();
      listeners.add(own);
      return () => {
        // React's StrictMode, and one page that follows another, subscribe again at once.
        if (listeners.delete(own) && !listeners.size) queueMicrotask(closeUnlessUsed);
      };
    },
  };
}

/** An event of the topic. A set of members takes along what `hello` has said of the stream. */
interface PresenceData {
  readonly type: string;
  readonly connection?: string;
  readonly identity?: string;
}

function viewOf(
  { status, error }: SseConnection,
  { byId, isComplete }: ReturnType<typeof createPresenceMembers>,
  self: string | undefined,
): PresenceView {
  return {
    status: status === "open" && !isComplete() ? "connecting" : status,
    error,
    members: [...byId.values()],
    self: self === undefined ? undefined : byId.get(self),
  };
}

function encodeState(state: unknown): string {
  let json: string | undefined;
  try {
    json = JSON.stringify(state ?? null);
  } catch (cause) {
    throw new SseBusError("INVALID_DATA", `State is no JSON: ${String(cause)}`, { cause });
  }
  if (json === undefined)
    throw new SseBusError("INVALID_DATA", `State of type ${typeof state} is no JSON.`);
  const bytes = new TextEncoder().encode(json).length;
  if (bytes > MAX_STATE_BYTES) {
    throw new SseBusError(
      "MESSAGE_TOO_LARGE",
      `State has ${bytes} bytes, more than ${MAX_STATE_BYTES}. Publish large data as a message.`,
    );
  }
  return json;
}
