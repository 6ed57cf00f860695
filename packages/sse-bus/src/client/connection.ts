import { readAnswer, retryAfterMs } from "./answer.ts";
import { serverWaitMs } from "./backoff.ts";
import { resolveHeaders } from "./credentials.ts";
import { isPosition } from "./cursor.ts";
import { advance } from "./known-network.ts";
import { isAbout, type LadderEvent } from "./ladder.ts";
import type { ErrorRecord, FrameMessage } from "./protocol.ts";
import { startTimeout } from "../core/timers.ts";
import type { ClientSettings } from "./settings.ts";
import { openStream, type FetchRequest } from "./stream.ts";
import { channelOf } from "./topic.ts";
import { createWatchdog, silenceLimitMs } from "./watchdog.ts";

/** One request for an event stream and its response, or polls, each after the cursor of the one before. */
export interface ClientConnection {
  /** What it serves; empty once it has to be replaced. */
  channels: readonly string[];
  /** The cursor after which its last request starts; `latest`, `earliest`, or empty: from now on. */
  from: string;
  /** How long its polls wait, in seconds; 0: it is a stream. */
  readonly waitS: number;
  /** Checks now whether it is dead. */
  check(): void;
  close(): void;
}

/** What a connection is asked to serve. */
export interface ConnectionRequest {
  readonly channels: readonly string[];
  readonly from: string;
  /** The server has refused the last credentials. */
  readonly isRefused: boolean;
  readonly waitS: number;
}

/** What the data of `hello` says. */
interface HelloData {
  readonly heartbeatMs: number;
  readonly head?: string;
  /** The channels that the server grants; without it, all. */
  readonly channels?: readonly string[];
  readonly connection?: string;
  /** Whose stream it is. */
  readonly identity?: string;
}

/** What the data of `bye` says. It may have more, such as the `code` of `bus.disconnect`. */
export interface ByeData {
  readonly reason: string;
  readonly retryMs: number;
  /** At the end of a page: there is more to read. */
  readonly more?: boolean;
  /** There is not: when it was made, as that of a heartbeat. */
  readonly time?: number;
}

export interface ConnectionHello extends HelloData {
  /** Where the stream starts. */
  readonly cursor: string;
  readonly silenceMs: number;
}

/** After `close()`, only frames of bytes that have already arrived may still come. */
export interface ConnectionHandlers {
  onHello(connection: ClientConnection, hello: ConnectionHello): void;
  onFrame(connection: ClientConnection, frame: FrameMessage): void;
  /** The server is about to end the stream, and asks to wait. */
  onBye(connection: ClientConnection, bye: ByeData, waitMs: number | undefined): void;
  onRetry(retryMs: number): void;
  /** The connection has failed, for good or not. `waitMs`: what the server asks to wait. */
  onEnd(connection: ClientConnection, error: ErrorRecord, waitMs?: number): void;
}

/** Half of the time that the `hello` of a stream may take after its head: the server sends both at once. */
const HELLO_MS = 1_000;

/** The shortest time between two polls that bring nothing, if something in between does not let them wait. */
const POLL_MS = 1_000;

/** The shortest time between two heartbeats of a connection that polls. */
const PING_MS = 5_000;

export function openConnection(
  settings: ClientSettings,
  { channels, from, isRefused, waitS }: ConnectionRequest,
  handlers: ConnectionHandlers,
): ClientConnection {
  const { connectTimeoutMs = 15_000 } = settings;
  let silenceMs = connectTimeoutMs;
  let isOver = false;
  /** Where the next poll starts. */
  let cursor = from;
  /** More than the life of the last poll, if it was cut; else 0. One cut means nothing: a proxy may limit that of a connection. */
  let cutMs = 0;
  let pingAt = 0;
  /** The end of the last page, if it was complete. */
  let bye: ByeData | undefined;
  /** When the `hello` of the stream came, or the last poll was sent. */
  let since = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let abort: () => void;
  /** The headers that were sent, until there is an answer. */
  let sent: Headers | undefined;
  /** Why the server ends the stream, and how long it asks to wait. */
  let reason = "";
  let waitMs: number | undefined;
  let hello: HelloData | undefined;

  const end = (error: ErrorRecord, event: LadderEvent): void => {
    if (isOver) return;
    connection.close();
    advance(settings, event, Date.now() - since);
    handlers.onEnd(connection, error, waitMs);
  };

  const watchdog = createWatchdog(() => {
    const event = waitS ? "end" : hello ? "cut" : "silent";
    end({ code: "STREAM_SILENT", message: "Silent." }, event);
  });

  const request = async (): Promise<FetchRequest> => {
    // During a short outage the server sends the status only to clients that can read the reason.
    const accept = "text/event-stream, application/problem+json";
    // Of several polls, the first one had the fresh token.
    const headers = await resolveHeaders(settings, accept, isRefused && !hello);
    const url = new URL(settings.url);
    const ask = (key: string, names: Iterable<string>): void => {
      for (const name of new Set(names)) url.searchParams.append(key, name);
    };
    // A page that shows the presence of a channel also subscribes to it, and so becomes a member.
    ask("channel", channels.map(channelOf));
    ask("presence", channels.filter((topic) => topic !== channelOf(topic)).map(channelOf));
    // The first poll does not wait, so that its `hello` comes at once.
    if (waitS) ask("wait", [`${hello ? waitS : 0}`]);
    if (isPosition(cursor)) headers.set("Last-Event-ID", cursor);
    else if (cursor) ask("from", [cursor]);
    sent = headers;
    return { ...settings, url, headers };
  };

  const send = (): void => {
    const before = hello && cursor;
    bye = undefined;
    since = Date.now();
    if (hello) silenceMs = connectTimeoutMs + waitS * 1_000;
    watchdog.expect(silenceMs);
    abort = openStream(request, {
      onOpen() {
        sent = undefined;
        if (waitS || isOver) return;
        // In two parts: after a page was busy for seconds, its timers may come before bytes that are here.
        timer = startTimeout(() => hello ?? watchdog.expect(HELLO_MS), HELLO_MS);
      },
      onBytes: () => watchdog.expect(silenceMs),
      onRetry(ms) {
        // At the end of a page, it is the time of a native EventSource until the next one.
        if (!waitS || !hello) handlers.onRetry(ms);
      },
      onBlock,
      onEnd(response, error) {
        const ms = Date.now() - since;
        if (response) {
          waitMs = retryAfterMs(response);
          // The watchdog still runs, so that a body without end cannot hold this up.
          // A proxy that ends what takes too long may say so, with a 504.
          const event = hello && response.status === 504 ? "cut" : "end";
          void readAnswer(response, settings.wasOpen).then((answer) => end(answer, event));
        } else if (isOver || !waitS || !hello || reason || (error && cutMs)) {
          const cause: unknown = error ?? (reason || "Ended.");
          // Where a poll was cut, and the next one found no way, the network has changed.
          const isCut = hello && !reason && isAbout(cutMs || ms, ms);
          end(describeLoss(settings, sent, String(cause)), isCut ? "cut" : "end");
        } else {
          cutMs = error ? ms + 1 : 0;
          // A later `hello` says what is served from here on.
          connection.from = cursor;
          // To the tabs, it is a heartbeat, which says that all older messages have arrived, and has the time. More often,
          // they could not answer in between.
          if (bye && !bye.more && Date.now() - pingAt > PING_MS) {
            pingAt = Date.now();
            onBlock("ping", JSON.stringify(bye), cursor);
          }
          if (isOver) return;
          if (error || cursor !== before) send();
          else timer = startTimeout(send, POLL_MS - ms);
        }
      },
    });
  };

  const onBlock = (event: string, data: string | undefined, id: string): void => {
    if (data === undefined) return;
    const [at, channel = "default", form] = id.split("@") as [string, string?, string?];
    cursor = at || cursor;
    if (event === "hello") {
      const news: HelloData = JSON.parse(data);
      // Of a poll, only the first `hello` is one, unless the server now grants other channels.
      const isNew = !hello || hello.channels?.join() !== news.channels?.join();
      hello = news;
      if (!waitS) {
        clearTimeout(timer);
        advance(settings, "hello");
        silenceMs = silenceLimitMs(hello.heartbeatMs);
        since = Date.now();
        watchdog.expect(silenceMs);
      }
      if (isNew)
        handlers.onHello(connection, { ...hello, cursor, silenceMs: silenceMs + waitS * 1_000 });
    } else if (event === "bye") {
      bye = JSON.parse(data) as ByeData;
      if (bye.reason === "page") return;
      reason = `Bye: ${bye.reason}`;
      waitMs = serverWaitMs(bye.retryMs);
      handlers.onBye(connection, bye, waitMs);
    } else {
      // Raw data is a string to listeners, as JSON's strings are.
      const frame: FrameMessage = {
        type: "frame",
        cursor: at,
        channel,
        event,
        data: form ? JSON.stringify(data) : data,
      };
      handlers.onFrame(
        connection,
        event === "presence" ? withStream(frame, hello as HelloData) : frame,
      );
    }
  };

  const connection: ClientConnection = {
    channels,
    from,
    waitS,
    check: watchdog.check,
    close() {
      isOver = true;
      watchdog.expect(0);
      clearTimeout(timer);
      abort();
    },
  };
  send();
  return connection;
}

/**
 * The members of a channel have no id, so they do not name the channel as other events do. They carry what
 * a page must know of the stream, which may be another tab's.
 */
function withStream(frame: FrameMessage, { connection, identity }: HelloData): FrameMessage {
  try {
    const set = JSON.parse(frame.data);
    if (set.type === "members") {
      const data = JSON.stringify({ ...set, connection, identity });
      return { ...frame, channel: `~presence/${set.channel}`, data };
    }
  } catch {} // It is reported where it is read.
  return frame;
}

/**
 * A browser hides why a request to another origin failed: a refused preflight looks like a server that
 * is down. Where there has never been an answer, the error names what the server must allow.
 */
function describeLoss(
  { url, host, wasOpen }: ClientSettings,
  sent: Headers | undefined,
  message: string,
): ErrorRecord {
  const page = host?.location?.origin;
  const { origin } = new URL(url);
  if (wasOpen || !sent || !page || page === origin) return { code: "STREAM_LOST", message };
  const names = [...sent.keys()].filter((name) => name !== "accept");
  return {
    code: "CROSS_ORIGIN_FAILED",
    message: `${message}. CORS: ${origin} must allow ${page} and ${names.join(", ")}`,
  };
}
