import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import { topicCovers } from "../../src/core/channel-name.ts";

/** An event-stream server of a few lines, on a real socket, that a test drives by hand. */
export interface StreamServer extends AsyncDisposable {
  readonly url: string;
  /** Every request so far, refused ones too. */
  readonly requests: readonly StreamRequest[];
  /** The streams that are open now. */
  readonly streams: readonly OpenStream[];
  /** The most that were open at once, however briefly. */
  readonly mostStreams: number;
  /** Answers of the next requests, one each, in place of a stream. */
  readonly answers: Answer[];
  /** Between two `ping`s; 0 sends none. */
  heartbeatMs: number;
  retryMs: number;
  /** How long a stream takes to open. */
  delayMs: number;
  /** Which of the channels asked for are granted. */
  grant: (channel: string) => boolean;
  /** Whether `hello` tells the head, too. */
  tellsHead: boolean;
  /** Appends to the log and sends. Gives the cursor. */
  publish(data: unknown, options?: { channel?: string; event?: string }): string;
  head(): string;
  /** Forgets all messages so far. */
  evict(): void;
  /** Forgets all, and begins a new epoch, as a restart without storage does. */
  restart(): void;
  /** Resolves when `count` streams are open (or the condition holds), now or later. */
  until(condition: number | ((server: StreamServer) => boolean)): Promise<void>;
  /** Refuses connections, as a dead process does, until `listen`. */
  stopListening(): void;
  listen(): Promise<void>;
}

export interface StreamRequest {
  readonly channels: readonly string[];
  readonly from: string | null;
  readonly headers: IncomingMessage["headers"];
  readonly at: number;
}

export interface OpenStream extends StreamRequest {
  write(text: string): void;
  ping(): void;
  bye(reason: string, retryMs: number): void;
  /** Ends the response. */
  end(): void;
  /** Breaks the connection. */
  cut(): void;
  /** From now on nothing is sent, and nothing is closed. */
  stall(): void;
}

export type Answer = (response: ServerResponse, request: IncomingMessage) => void;

interface Message {
  readonly seq: number;
  readonly channel: string;
  readonly block: string;
}

interface Stream extends OpenStream {
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
    const { searchParams } = new URL(request.url ?? "/", "http://x");
    const asked: StreamRequest = {
      channels: searchParams.getAll("channel"),
      from: (request.headers["last-event-id"] as string) ?? searchParams.get("from"),
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
      send,
      write: send,
      ping: () => send(`id: ${cursorAt(seq)}\nevent: ping\ndata: {"time":${Date.now()}}\n\n`),
      bye: (reason, retryMs) =>
        send(`retry: ${retryMs}\nevent: bye\ndata: ${JSON.stringify({ reason, retryMs })}\n\n`),
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
    };
    const id = isCursor ? asked.from : cursorAt(start);
    send(`retry: ${server.retryMs}\nid: ${id}\nevent: hello\ndata: ${JSON.stringify(data)}\n\n`);
    if (isCursor && (fromSeq === undefined || fromSeq < horizon)) {
      const reason = fromSeq === undefined ? "restarted" : "evicted";
      const gap = JSON.stringify({ channels, reason });
      send(`id: ${cursorAt(horizon)}\nevent: gap\ndata: ${gap}\n\n`);
    }
    for (const message of log) {
      if (message.seq > start && covers(channels, message.channel)) send(message.block);
    }
    Object.assign(stream, { channels });
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
    publish(data, { channel = "default", event } = {}) {
      seq++;
      const cursor = cursorAt(seq);
      const id = channel === "default" ? cursor : `${cursor}@${channel}`;
      const block = `id: ${id}\n${event ? `event: ${event}\n` : ""}data: ${JSON.stringify(data)}\n\n`;
      log.push({ seq, channel, block });
      for (const stream of streams) if (covers(stream.channels, channel)) stream.send(block);
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
