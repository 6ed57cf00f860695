import type { LogMessage } from "../core/message.ts";
import { type Gap, type Packet, packetBytes } from "../core/packet.ts";
import { formatCursor } from "../core/position.ts";
import { type ByteSink, OwnedSink, type SinkKind, type SinkOwner } from "./byte-sink.ts";
import type { ByeReason } from "./connections.ts";
import type { PageRequest } from "./page-request.ts";
import type { Hello } from "./stream-blocks.ts";

/**
 * Bytes of messages in one page; a page has at least one message of any size. A client that does not read keeps this much
 * in memory, and a slow one must be able to read it within `writeTimeoutMs`.
 */
const MAX_PAGE_BYTES = 262_144;

/** Why a page has ended: `page` if it is complete, or what would have ended a stream. */
export interface PageEnd {
  readonly reason: ByeReason | "client" | "error";
  readonly retryMs: number;
  /** The delay of clients that know `retry:` only. @default `retryMs` */
  readonly nativeMs?: number;
  /** That of `bus.disconnect`. */
  readonly code?: string | undefined;
}

/** What a page collects: the beginning of the stream that the same request would open. */
export interface Page {
  readonly request: PageRequest;
  /** `hello` of the stream. */
  hello: Hello | undefined;
  /** Everything after `hello`, in order. */
  parts: Uint8Array[];
  messages: LogMessage[];
  gap: Gap | undefined;
  /** Where to continue. */
  cursor: string;
  /** There is more to read after the cursor. */
  hasMore: boolean;
  /** Something has arrived that a reader waits for. */
  hasNews: boolean;
  /** The page was opened, and had nothing then: whatever comes now is news. */
  isWaiting: boolean;
  readonly ended: Promise<PageEnd>;
  end(end: PageEnd): void;
}

export function createPage(request: PageRequest): Page {
  const { promise, resolve } = withResolvers<PageEnd>();
  return {
    request,
    hello: undefined,
    parts: [],
    messages: [],
    gap: undefined,
    cursor: "",
    hasMore: false,
    hasNews: false,
    isWaiting: false,
    ended: promise,
    end: resolve,
  };
}

/** The stream of a page. */
export interface PageOwner extends SinkOwner {
  /** The epoch of the positions that are delivered now. */
  epoch(): string;
  /** The page has something to answer with, or more of it. */
  onNews(): void;
  /** The page is full: of this packet it takes only the first messages. */
  onCut(packet: Packet, taken: number): void;
}

/** Collects the packets of a reader until the page is full. Nothing is sent before the page ends. */
export class PageSink extends OwnedSink implements ByteSink {
  declare protected readonly owner: PageOwner;
  private readonly page: Page;
  private size = 0;

  constructor(page: Page, owner: PageOwner) {
    super(owner);
    this.page = page;
  }

  write(packet: Packet): boolean {
    const { page } = this;
    if (page.hasMore) return false;
    if (packet.gap) this.takeGap(packet);
    else if (packet.messages.length > 0) this.takeMessages(packet);
    else {
      page.parts.push(packetBytes(packet));
      page.hasNews ||= page.isWaiting;
    }
    if (page.hasNews) this.owner.onNews();
    return !page.hasMore;
  }

  /** `hello` and `bye` of the stream: the page has its own. */
  send(): boolean {
    return true;
  }

  close(): void {
    this.page.end({ reason: "client", retryMs: 0 });
  }

  kind(): SinkKind {
    return "web";
  }

  /** A gap comes before all messages: one in between starts the next page. */
  private takeGap(packet: Packet): void {
    const { page } = this;
    if (page.hasNews) {
      page.hasMore = true;
      return;
    }
    page.gap = packet.gap;
    page.parts.push(packetBytes(packet));
    page.cursor = formatCursor(packet.to, this.owner.epoch());
    page.hasNews = true;
  }

  private takeMessages(packet: Packet): void {
    const { page } = this;
    const { messages } = packet;
    const { length: before } = page.messages;
    const space = page.request.limit - before;
    let taken = 0;
    for (const message of messages) {
      const size = this.size + message.frame.length;
      const isFirst = before + taken === 0;
      if (taken === space || (size > MAX_PAGE_BYTES && !isFirst)) break;
      this.size = size;
      page.messages.push(message);
      taken++;
    }
    page.hasNews = true;
    page.hasMore = taken < messages.length;
    if (page.hasMore) this.owner.onCut(packet, taken);
    const last = messages[taken - 1];
    if (!last) return;
    page.cursor = formatCursor(last, this.owner.epoch());
    if (!page.hasMore) page.parts.push(packetBytes(packet));
    else page.parts.push(...messages.slice(0, taken).map(({ frame }) => frame));
  }
}

/** `Promise.withResolvers` is not in Node.js 20. */
function withResolvers<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
} {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((done) => (resolve = done));
  return { promise, resolve };
}
