import { SseBusError } from "./errors.ts";
import { afterTurn } from "./flusher.ts";

/**
 * The life cycle of a bus and its backend:
 *
 * ```
 *              open()             connected
 *   created ───────────▶ opening ───────────▶ open
 *      │                 │  ▲  │               │
 *      │           error │  │  │               │
 *      │                 ▼  │ open()           │
 *      │               failed  │               │
 *      │ close()         │     │               │
 *      └────────────────▶┴─────┴◀──────────────┘
 *                        ▼
 *                     closing ───▶ closed
 * ```
 */
export type LifecycleState = "created" | "opening" | "open" | "failed" | "closing" | "closed";

export interface Lifecycle {
  readonly state: LifecycleState;
  /**
   * Connects the backend at the first call, not before: a build only loads the module. After a
   * failure the next call tries again.
   *
   * @throws SseBusError `BUS_CLOSED`, and what the backend throws
   */
  open(): Promise<void>;
  /**
   * Closes the backend, if it was ever asked to open: another bus may use one that was not. The state
   * is `closing` at once; the backend closes after the code of this turn. Idempotent.
   */
  close(): Promise<void>;
}

export interface LifecycleHooks {
  openBackend(): Promise<void>;
  closeBackend(): Promise<void>;
  /** Runs as the bus closes, while the backend may still be open. Bounds its own time, and never rejects. */
  beforeClose(): Promise<void>;
  onOpen(): void;
  onError(error: Error): void;
}

export function createLifecycle(hooks: LifecycleHooks): Lifecycle {
  const { openBackend, closeBackend, beforeClose, onOpen, onError } = hooks;
  let opened: Promise<void> | undefined;
  let closed: Promise<void> | undefined;

  const lifecycle = {
    state: "created" as LifecycleState,
    async open() {
      if (isEnding(lifecycle)) throw busClosed();
      if (lifecycle.state === "created" || lifecycle.state === "failed") {
        move("opening");
        opened = connect();
      }
      return opened;
    },
    async close() {
      return (closed ??= end());
    },
  };

  function move(to: LifecycleState): void {
    lifecycle.state = to;
  }

  async function connect(): Promise<void> {
    try {
      await openBackend();
    } catch (error) {
      if (!isEnding(lifecycle)) move("failed");
      throw error;
    }
    if (isEnding(lifecycle)) return;
    move("open");
    onOpen();
  }

  async function end(): Promise<void> {
    const { state } = lifecycle;
    move("closing");
    // The caller first ends the readers, in this turn.
    await Promise.resolve();
    try {
      if (state === "opening") await settleSoon(opened as Promise<void>);
      await beforeClose();
      if (state !== "created") await closeBackend();
    } finally {
      move("closed");
    }
  }

  /**
   * Opening can take long while the server is unreachable, and closing is what ends it. A backend that opens
   * after it was closed is closed again.
   */
  async function settleSoon(opening: Promise<void>): Promise<void> {
    const settled = opening.then(
      () => "opened",
      () => "failed",
    );
    const soon = new Promise<string>((resolve) => afterTurn(() => resolve("pending")));
    if ((await Promise.race([settled, soon])) !== "pending") return;
    void settled
      .then(async (outcome) => outcome === "opened" && closeBackend())
      .catch((error: unknown) => onError(error as Error));
  }

  return lifecycle;
}

/** Whether `close` was called. */
export function isEnding({ state }: Lifecycle): boolean {
  return state === "closing" || state === "closed";
}

/** @throws SseBusError `BUS_CLOSED` */
export function assertNotClosed(lifecycle: Lifecycle): void {
  if (isEnding(lifecycle)) throw busClosed();
}

function busClosed(): SseBusError {
  return new SseBusError("BUS_CLOSED", "The bus is closed: create a new one, or close it later.");
}
