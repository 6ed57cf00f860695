import type { ChannelMap, TopicName } from "../types.ts";

/** The type of {@link Bus.whileSubscribed}. */
export interface WhileSubscribed<Channels extends ChannelMap> {
  /**
   * Runs a function while somebody reads: from the first event stream, on any instance, that subscribes to a
   * channel of `pattern`, until `graceMs` after the last one has left. Then its `signal` aborts. Use it for
   * work that feeds a page, such as polling an API, which costs nothing while nobody watches. A stream of `**`,
   * such as a monitor's, counts only for the pattern `**`.
   *
   * It runs on every instance that calls this, or with `singleton` on one of them at a time. When the holder
   * of a singleton dies, another instance takes over within three leases (15 s). An instance that was paused
   * may not notice at once that another one has taken over, so where two runs must not overlap, pass
   * `fence` to what you write to and let it refuse smaller numbers.
   *
   * The function must return soon after `signal` aborts. If it returns earlier, it is not called again until
   * the demand ends and starts again; its signal still aborts then. If it throws or rejects, `onError` receives
   * `RUN_FAILED`, its signal aborts, and it is called again after 1 to 30 s.
   *
   * Nothing runs while `next build` renders pages, and its timers do not keep a process alive. At most 256
   * calls per bus are active at the same time.
   *
   * @returns a function that stops watching and aborts the run; calling it again does nothing
   * @throws SseBusError `INVALID_CHANNEL`, `INVALID_OPTION`, `BUS_CLOSED`
   * @example
   * ```ts
   * bus.whileSubscribed("prices/*", async (signal) => {
   *   for await (const price of readPrices({ signal })) {
   *     await bus.publish(price, { channel: `prices/${price.symbol}` });
   *   }
   * }, { singleton: true });
   * ```
   */
  <const Singleton extends boolean = false>(
    pattern: TopicName<Channels>,
    run: RunWhileSubscribed<Singleton>,
    options?: WhileSubscribedOptions<Singleton>,
  ): () => void;
}

/** Options of {@link Bus.whileSubscribed}. */
export interface WhileSubscribedOptions<Singleton extends boolean = boolean> {
  /**
   * Run on one instance at a time. When it shuts down, another one takes over immediately; when it is
   * killed or paused, within three leases (15 s).
   * @default false
   */
  readonly singleton?: Singleton | undefined;
  /**
   * How long to continue after the last reader has left, in ms: a page that is reloaded does not restart the
   * function. @default 5000
   */
  readonly graceMs?: number | undefined;
  /**
   * Also run while `bus.subscribe` subscribes to such a channel, on any instance that has had event streams or
   * calls `whileSubscribed`. @default false
   */
  readonly countSubscribers?: boolean | undefined;
  /**
   * A name for this call. A second call with the same name in this process stops the first one: use it where
   * code is loaded again, as in development. It has the syntax of a channel or pattern. Instances share a
   * singleton by this name. @default none; a singleton's is its pattern
   */
  readonly name?: string | undefined;
}

/** What {@link Bus.whileSubscribed} passes to its function besides the signal. */
export interface WhileSubscribedRun<Singleton extends boolean = boolean> {
  /**
   * The fencing number of this run, for a singleton: greater than that of every earlier run, on any instance.
   * Store it with what you write, and refuse writes with a smaller one.
   */
  readonly fence: Singleton extends true ? number : undefined;
}

/** The function that {@link Bus.whileSubscribed} runs. */
export type RunWhileSubscribed<Singleton extends boolean = boolean> = (
  signal: AbortSignal,
  run: WhileSubscribedRun<Singleton>,
) => unknown;
