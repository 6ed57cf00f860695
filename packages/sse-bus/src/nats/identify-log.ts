import type { Position } from "../core/position.ts";
import { epochOf } from "./epoch.ts";
import type { Follower } from "./follower.ts";
import { type JetStream, type StreamInfo, toMs } from "./jetstream.ts";
import type { LogStream } from "./stream.ts";
import { startTimeout } from "../core/timers.ts";

export interface IdentifyOptions {
  readonly js: JetStream;
  readonly stream: LogStream;
  readonly follower: Follower;
  /** The log is another one than before, and the follower has begun at its head. */
  onRestart(): void;
}

/** A server that has just become a stream's leader may need a moment to know all it has. */
const LEADER_CHECKS = 5;
const LEADER_WAIT_MS = 200;

/** Finds the stream, or makes it, and holds it against what has been reached of it before. */
export function createIdentify(options: IdentifyOptions): () => Promise<StreamInfo> {
  const { js, stream, follower, onRestart } = options;

  /** A server that lost its newest messages, in a crash of its machine, gives their places again. */
  async function hasGoneBack(info: StreamInfo): Promise<boolean> {
    const { seq, time } = follower.reached;
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
    const { epoch } = follower.reached;
    if (epoch === "") {
      follower.begin(epochOf(found), headOf(found));
      return found;
    }
    if (epochOf(found) === epoch && !(await hasGoneBack(found))) return found;
    const info = await stream.renew(epoch);
    follower.begin(epochOf(info), headOf(info));
    onRestart();
    return info;
  };
}

/** The newest position that the stream has ever had. */
export function headOf({ state, created }: StreamInfo): Position {
  return { seq: state.last_seq, time: toMs(state.last_seq > 0 ? state.last_ts : created) };
}
