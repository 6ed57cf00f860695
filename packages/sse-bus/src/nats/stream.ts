import { SseBusError } from "../core/errors.ts";
import { epochOf, withNewEpoch } from "./epoch.ts";
import type { JetStream, StreamConfig, StreamInfo } from "./jetstream.ts";
import type { NatsSettings } from "./nats-options.ts";
import { coversLimits, largerLimits, type StreamLimits } from "./stream-limits.ts";
import type { Subjects } from "./subjects.ts";
import { unavailable } from "./unavailable.ts";

/** The stream that holds a bus's log: made when it is missing, and large enough. */
export interface LogStream {
  /** As it is on the server now; made when it is not there. */
  ensure(): Promise<StreamInfo>;
  /** As it is on the server now; rejects when it is not there. */
  info(): Promise<StreamInfo>;
  /** Resolves once the stream keeps as much as these limits say. */
  grow(limits: StreamLimits): Promise<void>;
  /**
   * Gives the stream another epoch than `epoch`: it lost messages that it had acknowledged. Those
   * who did not see them lost are told by a message in the stream itself.
   */
  renew(epoch: string): Promise<StreamInfo>;
}

export interface LogStreamOptions {
  readonly settings: NatsSettings;
  readonly subjects: Subjects;
  readonly limits: StreamLimits;
  onError(error: Error): void;
}

export function createLogStream(js: JetStream, options: LogStreamOptions): LogStream {
  const { settings, subjects, onError } = options;
  let wanted = options.limits;
  let growing: Promise<void> | undefined;

  function newConfig(): StreamConfig {
    const window = settings.idempotencyWindowMs * 1_000_000;
    return {
      name: settings.stream,
      subjects: [`${settings.stream}.>`],
      description: "History of an sse-bus",
      retention: "limits",
      discard: "old",
      storage: settings.storage,
      num_replicas: settings.replicas,
      max_consumers: -1,
      max_msgs: -1,
      max_msg_size: -1,
      max_bytes: settings.maxBytes === Number.POSITIVE_INFINITY ? -1 : settings.maxBytes,
      ...wanted,
      // JetStream remembers ids no longer than messages.
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
      // Reading keeps within what the stream has, so a smaller one costs history and nothing else.
      onError(error as Error);
      return info;
    }
  }

  async function found(): Promise<StreamInfo> {
    const info = await js.streamInfo();
    if (info) return info;
    throw unavailable(`The stream "${settings.stream}" is gone.`);
  }

  function assertUsable({ subjects = [], retention }: StreamConfig): void {
    const { stream } = settings;
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
      // One after the other: each reads the configuration that it widens.
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
      // Another process may have done the same just now: what stands there in the end counts, and
      // whoever took the other one hears of it.
      const after = await found();
      await js.publish(subjects.epoch, new TextEncoder().encode(epochOf(after)), {});
      return after;
    },
  };
}
