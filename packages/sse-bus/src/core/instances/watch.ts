import { SseBusError } from "../errors.ts";
import { createLazyTimer, settlesWithin } from "../timers.ts";
import type { Demand } from "./demand.ts";
import type { SingletonRequest, Singletons } from "./singletons.ts";

/** Runs a function while there is demand. */
export interface Watch {
  /**
   * Ends the run and watches no longer. Idempotent. Resolves once the run has returned, or when it takes too
   * long.
   */
  stop(): Promise<void>;
}

export interface WatchOptions {
  /** For messages of errors. */
  readonly pattern: string;
  /** What to watch; see `watchedTopic`. */
  readonly watched: string;
  /** Run only while this instance holds this name. */
  readonly singleton: string | undefined;
  readonly graceMs: number;
  /** What has to end before the first run. */
  readonly after: Promise<void> | undefined;
  run(signal: AbortSignal, fence: number | undefined): unknown;
  onError(error: Error): void;
}

/**
 * - `idle`: there is no demand.
 * - `claiming`: there is demand, and another instance may hold the name.
 * - `running`: the run's signal is not aborted. A run that has returned counts until the demand ends.
 * - `ending`: the signal is aborted, and the run has not returned yet.
 * - `failed`: the run has rejected; it is called again after a wait.
 */
type WatchState = "idle" | "claiming" | "running" | "ending" | "failed";

const MIN_RETRY_MS = 1000;
const MAX_RETRY_MS = 30_000;
/** How long a run may take to return once its signal is aborted. */
const MAX_ENDING_MS = 10_000;

export function startWatch(demand: Demand, singletons: Singletons, options: WatchOptions): Watch {
  const { pattern, watched, singleton, graceMs, after, run, onError } = options;
  let state: WatchState = after ? "ending" : "idle";
  let isWanted = false;
  let isStopped = false;
  let request: SingletonRequest | undefined;
  let fence: number | undefined;
  let controller: AbortController | undefined;
  let returned: Promise<void> = Promise.resolve();
  let beganAt = 0;
  let isEndingSoon = false;
  let failures = 0;
  let stopping: Promise<void> | undefined;
  const grace = createLazyTimer(() => want(false));
  const retry = createLazyTimer(() => move("idle"));
  const unwatch = demand.watch(watched, demandChanged);

  function demandChanged(): void {
    if (isStopped) return;
    const hasDemand = demand.has(watched);
    if (hasDemand) grace.stop();
    else if (isWanted && !isEndingSoon) grace.start(graceMs);
    isEndingSoon = isWanted && !hasDemand;
    if (hasDemand && !isWanted) want(true);
    else evaluate();
  }

  function want(wanted: boolean): void {
    isWanted = wanted;
    isEndingSoon = false;
    if (!wanted) failures = 0;
    evaluate();
  }

  function move(to: WatchState): void {
    state = to;
    evaluate();
  }

  function evaluate(): void {
    const wants = isWanted && !isStopped;
    // Within the grace, what runs continues, and nothing starts: another instance may have let it end.
    const starts = wants && demand.has(watched);
    if (state === "idle" && starts) {
      if (singleton === undefined) return begin(undefined);
      state = "claiming";
      request = singletons.request(singleton, evaluate);
    }
    if (state === "claiming") {
      if (!starts) {
        release();
        state = "idle";
      } else if (request?.fence !== undefined) begin(request.fence);
    } else if (state === "running") {
      const isLost = singleton !== undefined && request?.fence !== fence;
      // Another instance holds the name, or may soon.
      if (isLost) release();
      if (isLost || !wants) void end();
    } else if (state === "failed" && !wants) {
      retry.stop();
      state = "idle";
    }
  }

  function begin(own: number | undefined): void {
    state = "running";
    fence = own;
    beganAt = performance.now();
    const current = (controller = new AbortController());
    returned = call(current.signal, own).catch((cause: unknown) => fail(current, cause));
  }

  /** An own function, because a run that is not asynchronous can throw, too. */
  async function call(signal: AbortSignal, own: number | undefined): Promise<void> {
    await run(signal, own);
  }

  function fail(current: AbortController, cause: unknown): void {
    const { aborted, reason } = current.signal;
    // What it waited for was cancelled.
    if (aborted && (cause === reason || (cause as Error | undefined)?.name === "AbortError"))
      return;
    const isOver = aborted || controller !== current;
    if (performance.now() - beganAt > MAX_RETRY_MS) failures = 0;
    const waitMs = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** failures) * (0.5 + Math.random() / 2);
    const next = isOver ? "" : ` It is called again in ${Math.ceil(waitMs / 1000)} s.`;
    const text = `The function of \`bus.whileSubscribed("${pattern}")\` failed.${next} See \`cause\`.`;
    onError(new SseBusError("RUN_FAILED", text, { cause }));
    if (isOver) return;
    failures++;
    // What the failed run has left open ends with its signal. Another instance may have more luck.
    state = "failed";
    current.abort();
    release();
    retry.start(waitMs);
  }

  async function end(): Promise<void> {
    state = "ending";
    controller?.abort();
    const isInTime = await settlesWithin(returned, MAX_ENDING_MS);
    if (!isInTime) onError(new SseBusError("RUN_FAILED", lateText(pattern)));
    // Only now, so that two runs do not overlap.
    release();
    move("idle");
  }

  function release(): void {
    request?.release();
    request = undefined;
  }

  async function stop(): Promise<void> {
    isStopped = true;
    grace.stop();
    retry.stop();
    evaluate();
    // `end` reports a run that takes too long.
    await settlesWithin(returned, MAX_ENDING_MS);
    release();
    unwatch();
  }

  demandChanged();
  void after?.then(() => move("idle"));
  return { stop: async () => (stopping ??= stop()) };
}

function lateText(pattern: string): string {
  return `The function of \`bus.whileSubscribed("${pattern}")\` has not returned ${MAX_ENDING_MS} ms after its signal was aborted: it may run at the same time as the next one. Return soon after \`signal\` aborts.`;
}
