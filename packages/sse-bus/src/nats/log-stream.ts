import { SseBusError } from "../core/errors.ts";
import { epochOf, withNewEpoch } from "./epoch.ts";
import type { StreamConfig, StreamInfo } from "./jetstream-types.ts";
import type { JetStream } from "./jetstream.ts";
import type { ResolvedNatsOptions } from "./options.ts";
import { coversLimits, largerLimits, type RetentionLimits } from "./retention.ts";
import type { Subjects } from "./subjects.ts";
import { unavailableError } from "./errors.ts";

/** The JetStream stream that stores the log of a bus. */
export interface LogStream {
  /** The stream's current state. Creates the stream if it does not exist. */
  ensure(): Promise<StreamInfo>;
  /** The stream's current state. Rejects if the stream does not exist. */
  info(): Promise<StreamInfo>;
  /** Raises the stream's limits to at least these. */
  grow(limits: RetentionLimits): Promise<void>;
  /**
   * Changes the epoch of a stream that lost acknowledged messages, unless it is already different
   * from `epoch`. A message in the stream announces the change to all processes.
   */
  renew(epoch: string): Promise<StreamInfo>;
}

export interface LogStreamOptions {
  readonly options: ResolvedNatsOptions;
  readonly subjects: Subjects;
  readonly limits: RetentionLimits;
  onError(error: Error): void;
}

export function createLogStream(js: JetStream, given: LogStreamOptions): LogStream {
  const { options, subjects, onError } = given;
  let wanted = given.limits;
  let growing: Promise<void> | undefined;

  function newConfig(): StreamConfig {
    const window = options.idempotencyWindowMs * 1_000_000;
    return {
      name: options.stream,
      subjects: [`${options.stream}.>`],
      description: "History of an sse-bus",
      retention: "limits",
      discard: "old",
      storage: options.storage,
      num_replicas: options.replicas,
      max_consumers: -1,
      max_msgs: -1,
      max_msg_size: -1,
      max_bytes: options.maxBytes === Number.POSITIVE_INFINITY ? -1 : options.maxBytes,
      ...wanted,
      // JetStream does not accept a window longer than the age limit.
      duplicate_window: wanted.max_age > 0 ? Math.min(window, wanted.max_age) : window,
    };
  }

  async function widen(info: StreamInfo): Promise<StreamInfo> {
    if (coversLimits(info.config, wanted)) return info;
    return js.updateStream({ ...info.config, ...largerLimits(info.config, wanted) });
  }

  async function ensure(): Promise<StreamInfo> {
    const info = (await js.streamInfo()) ?? (await js.createStream(newConfig())) ?? (await found());
    assertUsable(info.config);
    try {
      return await widen(info);
    } catch (error) {
      // Reads work with any limits: smaller ones only mean a shorter history.
      onError(error as Error);
      return info;
    }
  }

  async function found(): Promise<StreamInfo> {
    const info = await js.streamInfo();
    if (info) return info;
    throw unavailableError(`The stream "${options.stream}" was deleted.`);
  }

  function assertUsable({ subjects = [], retention }: StreamConfig): void {
    const { stream } = options;
    if (retention === "limits" && subjects.some((each) => each === `${stream}.>` || each === ">")) {
      return;
    }
    throw new SseBusError(
      "INVALID_OPTION",
      `The stream "${stream}" is there and is not a log of sse-bus: it must keep the subjects "${stream}.>" with retention "limits". Choose another \`stream\`.`,
    );
  }

  return {
    ensure,
    info: found,
    async grow(limits) {
      const larger = largerLimits(wanted, limits);
      if (coversLimits(wanted, larger)) return growing;
      wanted = larger;
      // One after the other, because each reads the configuration and then changes it.
      const before = growing ?? Promise.resolve();
      const mine = before.then(async () => void (await widen(await found()))).catch(onError);
      growing = mine;
      void mine.then(() => {
        if (growing === mine) growing = undefined;
      });
      return mine;
    },
    async renew(epoch) {
      const before = await found();
      if (epochOf(before) !== epoch) return before;
      await js.updateStream(withNewEpoch(before.config));
      // Another process may have changed it at the same time. The last change counts, and the message
      // informs processes that read the other one.
      const after = await found();
      await js.publish(subjects.epoch, new TextEncoder().encode(epochOf(after)), {});
      return after;
    },
  };
}
