import type { Connector, Link, LinkEvents } from "./link.ts";
import { startTimeout } from "../core/timers.ts";

/** Keeps a connection up: connects, sets it up, and does so again whenever it is lost. */
export interface Keeper {
  /** The first connection; rejects, and keeps nothing, when it fails. */
  open(): Promise<void>;
  /** Gives up the connection there is; a new one follows. */
  drop(cause: Error): void;
  /** Idempotent. */
  close(): void;
}

export interface KeeperOptions {
  readonly connector: Connector;
  readonly connectTimeoutMs: number;
  readonly onMessage: (channel: string, text: string) => void;
  /** Sets up a new connection; it is lost when this rejects. */
  readonly onUp: (link: Link) => Promise<void>;
  /** The connection, or an attempt at one, is lost. */
  readonly onDown: (cause: Error) => void;
}

const MIN_DELAY_MS = 25;
const MAX_DELAY_MS = 1000;

export function createKeeper(options: KeeperOptions): Keeper {
  const { connector, connectTimeoutMs, onUp, onDown } = options;
  let link: Link | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isClosed = false;

  async function attempt(): Promise<void> {
    const events: LinkEvents = {
      message: (channel, text) => options.onMessage(channel, text),
      lost: (cause) => lose(current, cause),
    };
    const current = await connector.connect(events, connectTimeoutMs);
    if (isClosed) {
      current.destroy();
      throw new Error("Closed");
    }
    link = current;
    try {
      await onUp(current);
      failures = 0;
    } catch (error) {
      lose(current, error as Error);
      throw error;
    }
  }

  function lose(lost: Link, cause: Error): void {
    if (link !== lost) return;
    link = undefined;
    lost.destroy();
    if (isClosed) return;
    onDown(cause);
    retry();
  }

  function retry(): void {
    if (isClosed || timer !== undefined) return;
    const delay = Math.min(MAX_DELAY_MS, MIN_DELAY_MS * 2 ** failures++);
    // Half of it at random: instances that lost one server do not come back as one.
    timer = startTimeout(
      () => {
        timer = undefined;
        attempt().catch((error: unknown) => {
          if (isClosed) return;
          if (!link) onDown(error as Error);
          retry();
        });
      },
      delay * (0.5 + Math.random() / 2),
    );
  }

  function close(): void {
    isClosed = true;
    clearTimeout(timer);
    timer = undefined;
    link?.destroy();
    link = undefined;
  }

  return {
    async open() {
      try {
        await attempt();
      } catch (error) {
        close();
        throw error;
      }
    },
    drop(cause) {
      if (link) lose(link, cause);
    },
    close,
  };
}
