import type { Position } from "../core/position.ts";
import { epochOf } from "./epoch.ts";
import type { NatsLogFollower } from "./log-follower.ts";
import { type StreamInfo, toMs } from "./jetstream-types.ts";
import type { JetStream } from "./jetstream.ts";
import type { LogStream } from "./log-stream.ts";
import { startTimeout } from "../core/timers.ts";

export interface IdentifyOptions {
  readonly js: JetStream;
  readonly stream: LogStream;
  readonly follower: NatsLogFollower;
  /** The log is a different one than before, and the follower starts at its head. */
  onRestart(): void;
}

/** A server that has just become the leader of a stream may report an old state for a moment. */
const LEADER_CHECKS = 5;
const LEADER_WAIT_MS = 200;

/** Finds or creates the stream, and checks that it is the log followed before. */
export function createIdentify(options: IdentifyOptions): () => Promise<StreamInfo> {
  const { js, stream, follower, onRestart } = options;

  /** After a crash of its machine, a server may lose its newest messages and assign their positions again. */
  async function hasLostMessages(info: StreamInfo): Promise<boolean> {
    const { seq, time } = follower.head;
    let last = info.state.last_seq;
    for (let check = 0; last < seq && check < LEADER_CHECKS; check++) {
      await new Promise((resolve) => startTimeout(resolve, LEADER_WAIT_MS));
      last = (await stream.info()).state.last_seq;
    }
    if (last < seq) return true;
    const message = seq > 0 ? await js.message(seq) : undefined;
    return message !== undefined && toMs(message.time) !== time;
  }

  return async () => {
    const found = await stream.ensure();
    const { epoch } = follower.head;
    if (epoch === "") {
      follower.begin(epochOf(found), headOf(found));
      return found;
    }
    if (epochOf(found) === epoch && !(await hasLostMessages(found))) return found;
    const info = await stream.renew(epoch);
    follower.begin(epochOf(info), headOf(info));
    onRestart();
    return info;
  };
}

/** The head: the newest position that the stream has ever assigned. */
export function headOf({ state, created }: StreamInfo): Position {
  return { seq: state.last_seq, time: toMs(state.last_seq > 0 ? state.last_ts : created) };
}
