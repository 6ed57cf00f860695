import type { BusInternals } from "../core/bus.ts";
import { type ByeReason, type Connection, register, unregister } from "../core/connections.ts";
import { closeReader } from "../core/engine.ts";
import { type OpenedReader, openReader, resumeReader, type Start } from "../core/open-reader.ts";
import type { Packet } from "../core/packet.ts";
import type { Reader } from "../core/reader.ts";
import type { ByteSink, ByteSinkHandlers } from "./byte-sink.ts";

/** One event stream: a reader, the sink its bytes go to, and the blocks around its messages. */
export interface StreamConnection extends Connection {
  readonly reader: Reader | undefined;
  /** Opens the reader and sends `hello`. */
  open(): Promise<void>;
  /** The client left, or the request failed. Idempotent. */
  drop(reason: "client" | "error"): void;
  /** Ends the stream when it is too old, too slow, or no longer allowed. */
  checkDeadlines(now: number): void;
}

export interface StreamConnectionOptions {
  readonly topics: readonly string[];
  readonly start: Start;
  readonly ip: string | undefined;
  readonly heartbeatMs: number;
  readonly retryMs: number;
  readonly writeTimeoutMs: number;
  /** When the stream must end whatever happens, in ms since 1970. */
  readonly endsAt: number;
  /** When the permission to read ends. */
  readonly expiresAt: number;
  /** Asks for permission anew; the time it now lasts until, or `undefined` for no. */
  readonly renew: () => Promise<number | undefined>;
  readonly openSink: (handlers: ByteSinkHandlers) => ByteSink;
  readonly onClose: (connection: StreamConnection) => void;
}

const encoder = new TextEncoder();

export function createStreamConnection(
  { engine, connections }: BusInternals,
  options: StreamConnectionOptions,
): StreamConnection {
  let reader: Reader | undefined;
  let isOpen = true;
  let isRenewing = false;
  let { expiresAt } = options;
  /** Since when the client has taken nothing, as far as the deadlines have seen; 0 while it takes. */
  let blockedAt = 0;
  /** Came after the permission to read had run out; waits for its renewal. */
  let held: Packet | undefined;

  const sink: ByteSink = options.openSink({
    onReady() {
      blockedAt = 0;
      if (reader && !held) resumeReader(reader);
    },
    onCancel: () => connection.drop("client"),
  });

  function finish(reason: string): boolean {
    if (!isOpen) return false;
    isOpen = false;
    if (reader) closeReader(engine, reader);
    unregister(connections, connection, reason);
    options.onClose(connection);
    return true;
  }

  async function renew(): Promise<void> {
    isRenewing = true;
    const until = await options.renew();
    isRenewing = false;
    if (until === undefined || until <= Date.now()) {
      connection.end("unauthorized", 0);
      return;
    }
    expiresAt = until;
    if (!isOpen || !reader || !held) return;
    const packet = held;
    held = undefined;
    reader.ready = write(packet);
    if (reader.ready) resumeReader(reader);
  }

  function write(packet: Packet): boolean {
    connections.frames += packet.frames;
    connections.bytes += packet.size;
    return sink.write(packet);
  }

  function send(block: Uint8Array): boolean {
    connections.frames++;
    connections.bytes += block.length;
    return sink.send(block);
  }

  /** Not one byte that was not allowed any more: the next heartbeat, which ends the stream, is late. */
  function hold(packet: Packet): boolean {
    held = packet;
    if (!isRenewing) void renew();
    return false;
  }

  const connection: StreamConnection = {
    id: crypto.randomUUID(),
    channels: options.topics,
    openedAt: Date.now(),
    ip: options.ip,
    sink: () => sink.kind(),
    get reader() {
      return reader;
    },
    async open() {
      const opened = await openReader(engine, {
        topics: options.topics,
        start: options.start,
        sink: {
          write: (packet) =>
            expiresAt === Number.POSITIVE_INFINITY || Date.now() < expiresAt
              ? write(packet)
              : hold(packet),
          end: (reason) =>
            reason === "closed"
              ? connection.end("drain", options.retryMs)
              : connection.drop("error"),
        },
        isLocal: false,
        isReady: false,
      });
      if (!isOpen) {
        closeReader(engine, opened.reader);
        return;
      }
      reader = opened.reader;
      // The reader is not ready yet: hello comes before anything that it would write.
      if (send(encodeHello(connection, opened, options))) resumeReader(reader);
    },
    drop(reason) {
      if (finish(reason)) sink.close();
    },
    end(reason: ByeReason, afterMs: number) {
      if (!finish(reason)) return;
      send(encodeBye(reason, afterMs));
      sink.close();
    },
    checkDeadlines(now) {
      if (!reader || reader.ready || held) blockedAt = 0;
      else if (blockedAt === 0) blockedAt = now;
      if (now >= options.endsAt) {
        connection.end("lifetime", Math.round(Math.random() * LIFETIME_SPREAD_MS));
      } else if (blockedAt > 0 && now - blockedAt >= options.writeTimeoutMs) {
        connection.end("slow", options.retryMs);
      } else if (now >= expiresAt && !isRenewing) {
        void renew();
      }
    },
  };
  register(connections, connection);
  return connection;
}

/** A planned end costs the client no wait; only enough spread that not all return in one instant. */
const LIFETIME_SPREAD_MS = 250;

function encodeHello(
  { id, channels }: Connection,
  { cursor, resumed }: OpenedReader,
  { heartbeatMs, retryMs }: StreamConnectionOptions,
): Uint8Array {
  const data = { connection: id, channels, cursor, resumed, heartbeatMs };
  return encoder.encode(
    `retry: ${retryMs}\nid: ${cursor}\nevent: hello\ndata: ${JSON.stringify(data)}\n\n`,
  );
}

function encodeBye(reason: ByeReason, retryMs: number): Uint8Array {
  const data = JSON.stringify({ reason, retryMs });
  return encoder.encode(`retry: ${retryMs}\nevent: bye\ndata: ${data}\n\n`);
}
