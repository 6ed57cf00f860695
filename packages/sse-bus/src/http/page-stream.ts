import { isReserved } from "../core/channel-name.ts";
import type { Reader } from "../core/cohort.ts";
import { advanceCohort } from "../core/deliver.ts";
import { provenHead } from "../core/engine.ts";
import type { Start } from "../core/open-reader.ts";
import type { Packet } from "../core/packet.ts";
import { formatCursor } from "../core/position.ts";
import { startTimeout } from "../core/timers.ts";
import type { ByeReason } from "./connections.ts";
import type { Page, PageOwner } from "./page.ts";
import { PresentStream } from "./present-stream.ts";
import type { Hello } from "./stream-blocks.ts";
import type { StreamConnectionOptions, StreamRoute } from "./stream-connection.ts";
import { NO_PRESENCE } from "./stream-presence.ts";

/**
 * A stream that ends with its first page, which is then the answer to the request. Limits, permission, revocation,
 * drain and presence are those of any stream.
 */
export class PageStream extends PresentStream implements PageOwner {
  private readonly page: Page;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isCompleting = false;

  constructor(route: StreamRoute, options: StreamConnectionOptions, page: Page) {
    super(route, options, options.presence ?? NO_PRESENCE);
    this.page = page;
  }

  override get isPage(): boolean {
    return true;
  }

  override async open(start: Start): Promise<void> {
    // A stream gets the members when they are known; a page may have ended by then.
    if (this.follows.length > 0) await this.presence.ready();
    if (!this.isOpen) return;
    await super.open(start);
    const { page } = this;
    if (!this.reader) return;
    // What was published in this turn belongs to the page.
    this.route.context.engine.remote.flusher.flush();
    const waitMs = Math.min(page.request.waitMs, this.route.settings.maxLifetimeMs);
    if (page.hasNews || waitMs === 0) this.complete();
    if (!this.isOpen) return;
    page.isWaiting = true;
    this.timer = startTimeout(() => this.complete(), waitMs);
  }

  override end(reason: ByeReason, afterMs: number): void {
    const isLate = reason === "drain" || reason === "lifetime";
    if (isLate && this.page.hasNews) this.complete();
    if (!this.finish(reason)) return;
    const nativeMs = this.nativeRetryMs(reason, afterMs);
    this.page.end({ reason, retryMs: afterMs, nativeMs });
  }

  override revoke(retryMs: number, code: string | undefined): void {
    if (!this.finish("revoked")) return;
    const { page } = this;
    page.parts = [];
    page.cursor = page.hello?.cursor ?? "";
    page.end({ reason: "revoked", retryMs, code });
  }

  epoch(): string {
    return provenHead(this.route.context.engine).epoch;
  }

  onNews(): void {
    if (!this.page.isWaiting || this.isCompleting) return;
    this.isCompleting = true;
    // After the flush that delivers it, which may have more.
    queueMicrotask(() => this.complete());
  }

  /** What is left is delivered, and counted, with the next page. */
  onCut({ messages }: Packet, taken: number): void {
    if (!this.reader) return;
    const { counters, traffic } = this.reader.cohort.context;
    for (const { channel, frame } of messages.slice(taken)) {
      traffic.frames--;
      traffic.bytes -= frame.length;
      this.reader.bytes -= frame.length;
      if (!isReserved(channel)) counters.delivered--;
    }
  }

  protected override completeHello(hello: Hello): Hello {
    const { page, presence } = this;
    page.hello = presence === NO_PRESENCE ? hello : super.completeHello(hello);
    page.cursor = hello.cursor;
    return page.hello;
  }

  protected override onFinished(): void {
    clearTimeout(this.timer);
    super.onFinished();
  }

  private complete(): void {
    const { page, reader } = this;
    if (reader && this.isOpen) {
      if (!page.hasMore) this.moveToHead(reader);
      // Its client asks for the next page soon.
      this.route.context.engine.warm.keep(reader.cohort);
    }
    if (!this.finish("page")) return;
    const { retryMs } = this.route.settings;
    const isNextDue = page.hasMore || page.request.waitMs > 0;
    page.end(
      isNextDue
        ? { reason: "page", retryMs: 0, nativeMs: NATIVE_RETRY_MS }
        : { reason: "page", retryMs },
    );
  }

  /** The cursor of an empty page moves, too, as that of a heartbeat does. */
  private moveToHead(reader: Reader): void {
    const { page } = this;
    const { engine } = this.route.context;
    engine.remote.flusher.flush();
    if (page.hasMore) return;
    const head = provenHead(engine);
    advanceCohort(reader.cohort, head);
    // A packet that is held while a permission is renewed was not delivered: the reader is not ready then.
    if (reader.ready && reader.state === "head") {
      page.cursor = formatCursor(reader.cohort.cursor, head.epoch);
    }
  }
}

/**
 * A native `EventSource` also waits this long after a failure. With 0 it would ask a server that is down without a
 * pause.
 */
const NATIVE_RETRY_MS = 500;
