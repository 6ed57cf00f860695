import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { topicCovers } from "../../src/core/channel-name.ts";

/** A small event-stream server on a real socket that a test controls. */
export interface StreamServer extends AsyncDisposable {
  readonly url: string;
  /** Every request so far, including refused ones. */
  readonly requests: readonly StreamRequest[];
  /** The streams that are open now. */
  readonly streams: readonly OpenStream[];
  /** The maximum number of streams open at the same time. */
  readonly mostStreams: number;
  /** Responses to the next requests, one each, instead of a stream. */
  readonly answers: Answer[];
  /** Milliseconds between two `ping`s; 0 sends none. */
  heartbeatMs: number;
  retryMs: number;
  /** How long a stream takes to open. */
  delayMs: number;
  /** The requested channels that are granted. */
  grant: (channel: string) => boolean;
  /** Whether `hello` has the head. */
  tellsHead: boolean;
  /** The members that streams get of a channel whose presence they ask for, in parts of two. */
  readonly presence: Map<string, readonly object[]>;
  /** What `hello` says whose stream it is. */
  identity: string | undefined;
  /** What was sent to `/api/presence`, and the answers of the next such requests. */
  readonly states: PostedState[];
  readonly stateAnswers: Answer[];
  /** Appends to the log and sends. Returns the cursor. */
  publish(data: unknown, options?: { channel?: string; event?: string }): string;
  head(): string;
  /** Forgets all messages so far. */
  evict(): void;
  /** Deletes everything and begins a new epoch, like a restart without storage. */
  restart(): void;
  /** Resolves when `count` streams are open (or the condition holds). */
  until(condition: number | ((server: StreamServer) => boolean)): Promise<void>;
  /** Refuses connections, like a stopped process, until `listen`. */
  stopListening(): void;
  listen(): Promise<void>;
}

/** The body of a request that sets a state. */
export interface PostedState {
  readonly connection: string;
  readonly channel: string;
  readonly state: unknown;
  readonly headers: IncomingMessage["headers"];
}

export interface StreamRequest {
  readonly channels: readonly string[];
  /** The channels whose presence it asks for. */
  readonly presence: readonly string[];
  readonly from: string | null;
  /** How long it waits, in seconds, if it asks for a page. */
  readonly waitS: number | undefined;
  readonly headers: IncomingMessage["headers"];
  readonly at: number;
}

export interface OpenStream extends StreamRequest {
  write(text: string): void;
  ping(): void;
  bye(reason: string, retryMs: number, code?: string): void;
  /** Ends the response. */
  end(): void;
  /** Breaks the connection. */
  cut(): void;
  /** Sends nothing from now on, and keeps the connection open. */
  stall(): void;
}

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

interface Message {
  readonly seq: number;
  readonly channel: string;
  readonly block: string;
}

interface Stream extends OpenStream {
  readonly topics: readonly string[];
  send(block: string): void;
}

export async function startStreamServer(): Promise<StreamServer> {
  const changed = new EventEmitter();
  const requests: StreamRequest[] = [];
  const streams = new Set<Stream>();
  let log: Message[] = [];
  let seq = 10;
  let horizon = 0;
  let epochs = 0;
  let mostStreams = 0;
  let epoch = "e0";

  const cursorAt = (at: number): string => `${at.toString(36)}-${Date.now().toString(36)}-${epoch}`;

  const respond = (request: IncomingMessage, response: ServerResponse): void => {
    const { searchParams, pathname } = new URL(request.url ?? "/", "http://x");
    if (pathname === "/api/presence") return void receiveState(request, response);
    const asked: StreamRequest = {
      channels: searchParams.getAll("channel"),
      presence: searchParams.getAll("presence"),
      from: (request.headers["last-event-id"] as string) ?? searchParams.get("from"),
      waitS: searchParams.has("wait") ? Number(searchParams.get("wait")) : undefined,
      headers: request.headers,
      at: performance.now(),
    };
    requests.push(asked);
    const answer = server.answers.shift();
    if (answer) answer(response, request);
    else if (server.delayMs) setTimeout(openStream, server.delayMs, asked, response);
    else openStream(asked, response);
    changed.emit("change");
  };

  const receiveState = async (
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const body = Buffer.concat(await request.toArray()).toString();
    server.states.push({ ...JSON.parse(body), headers: request.headers });
    const answer = server.stateAnswers.shift();
    if (answer) answer(response, request);
    else response.writeHead(202).end();
    changed.emit("change");
  };

  const openStream = (asked: StreamRequest, response: ServerResponse): void => {
    const channels = asked.channels.filter((channel) => server.grant(channel));
    response.writeHead(200, { "Content-Type": "text/event-stream; charset=utf-8" });
    if (response.destroyed) return;
    let isStalled = false;
    const send = (block: string): void => {
      if (!isStalled) response.write(block);
    };
    const close = (): void => {
      streams.delete(stream);
      clearInterval(beat);
      changed.emit("change");
    };
    const stream: Stream = {
      ...asked,
      topics: [],
      send,
      write: send,
      ping: () => send(`id: ${cursorAt(seq)}\nevent: ping\ndata: {"time":${Date.now()}}\n\n`),
      bye: (reason, retryMs, code) =>
        send(
          `retry: ${retryMs}\nevent: bye\ndata: ${JSON.stringify({ reason, retryMs, code })}\n\n`,
        ),
      end: () => {
        isStalled = true;
        response.end();
      },
      cut: () => response.destroy(),
      stall: () => {
        isStalled = true;
      },
    };
    const beat = server.heartbeatMs ? setInterval(stream.ping, server.heartbeatMs) : undefined;
    response.once("close", close);
    streams.add(stream);
    mostStreams = Math.max(mostStreams, streams.size);

    const [at, , fromEpoch] = (asked.from ?? "").split("-");
    const isCursor = fromEpoch !== undefined;
    const fromSeq = isCursor && fromEpoch === epoch ? parseInt(at as string, 36) : undefined;
    const start = fromSeq ?? (asked.from === null ? seq : horizon);
    const data = {
      connection: String(requests.length),
      channels,
      cursor: asked.from,
      resumed: fromSeq !== undefined,
      heartbeatMs: server.heartbeatMs || 15_000,
      ...(server.tellsHead && { head: cursorAt(seq) }),
      ...(server.identity !== undefined && { identity: server.identity }),
    };
    const id = isCursor ? asked.from : cursorAt(start);
    send(`retry: ${server.retryMs}\nid: ${id}\nevent: hello\ndata: ${JSON.stringify(data)}\n\n`);
    if (isCursor && (fromSeq === undefined || fromSeq < horizon)) {
      const reason = fromSeq === undefined ? "restarted" : "evicted";
      const gap = JSON.stringify({ channels, reason });
      send(`id: ${cursorAt(horizon)}\nevent: gap\ndata: ${gap}\n\n`);
    }
    const topics = [...channels, ...asked.presence.map((channel) => `~presence/${channel}`)];
    for (const channel of asked.presence) {
      const all = server.presence.get(channel) ?? [];
      const of = Math.max(1, Math.ceil(all.length / 2));
      for (let part = 1; part <= of; part++) {
        const members = all.slice(part * 2 - 2, part * 2);
        const set = { type: "members", channel, at: cursorAt(seq), members, part, of };
        send(`event: presence\ndata: ${JSON.stringify(set)}\n\n`);
      }
    }
    for (const message of log) {
      if (message.seq > start && covers(topics, message.channel)) send(message.block);
    }
    Object.assign(stream, { channels, topics });
    if (asked.waitS !== undefined) endPage(stream, asked.waitS);
  };

  /** Ends a page when it has a message, or when it has waited. */
  const endPage = (stream: Stream, waitS: number): void => {
    const end = (): void => {
      clearTimeout(timer);
      stream.write(`id: ${cursorAt(seq)}\nevent: bye\ndata: {"reason":"page","retryMs":0}\n\n`);
      stream.end();
    };
    const timer = setTimeout(end, waitS * 1_000);
    const { send } = stream;
    // Those of one turn are in one page.
    stream.send = (block) => {
      send(block);
      setImmediate(end);
    };
    const start = parseInt(stream.from ?? cursorAt(seq), 36);
    if (log.some((message) => message.seq > start && covers(stream.topics, message.channel))) end();
  };

  const node = createServer(respond);
  const listen = async (): Promise<void> => {
    const port = (node.address() as AddressInfo | null)?.port ?? knownPort;
    node.listen(port, "127.0.0.1");
    await once(node, "listening");
    knownPort = (node.address() as AddressInfo).port;
  };
  let knownPort = 0;
  await listen();

  const server: StreamServer = {
    url: `http://127.0.0.1:${knownPort}/api/sse`,
    requests,
    get streams() {
      return [...streams];
    },
    get mostStreams() {
      return mostStreams;
    },
    answers: [],
    heartbeatMs: 0,
    retryMs: 0,
    delayMs: 0,
    grant: () => true,
    tellsHead: true,
    presence: new Map(),
    identity: undefined,
    states: [],
    stateAnswers: [],
    publish(data, { channel = "default", event } = {}) {
      seq++;
      const cursor = cursorAt(seq);
      const id = channel === "default" ? cursor : `${cursor}@${channel}`;
      const block = `id: ${id}\n${event ? `event: ${event}\n` : ""}data: ${JSON.stringify(data)}\n\n`;
      log.push({ seq, channel, block });
      for (const stream of streams) if (covers(stream.topics, channel)) stream.send(block);
      return cursor;
    },
    head: () => cursorAt(seq),
    evict() {
      horizon = seq;
      log = [];
    },
    restart() {
      epoch = `e${++epochs}`;
      log = [];
      seq = horizon = 0;
    },
    async until(condition) {
      const holds =
        typeof condition === "number" ? () => streams.size === condition : () => condition(server);
      const signal = AbortSignal.timeout(10_000);
      while (!holds()) await once(changed, "change", { signal });
    },
    stopListening() {
      node.close();
      node.closeAllConnections();
    },
    listen,
    async [Symbol.asyncDispose]() {
      node.close();
      node.closeAllConnections();
    },
  };
  return server;
}

function covers(topics: readonly string[], channel: string): boolean {
  return topics.some((topic) => topicCovers(topic, channel));
}
