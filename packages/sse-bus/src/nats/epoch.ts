import type { StreamConfig, StreamInfo } from "./jetstream.ts";

/**
 * The epoch of a stream: when it was made, to the nanosecond, in base 36; and behind that a mark
 * from its description, which is set anew when the stream is found to have gone back.
 */
export function epochOf({ created, config }: Pick<StreamInfo, "created" | "config">): string {
  const mark = MARK.exec(config.description ?? "")?.[1] ?? "";
  return toNanoseconds(created).toString(36) + mark;
}

/** A configuration that gives the stream another epoch. */
export function withNewEpoch(config: StreamConfig): StreamConfig {
  const text = (config.description ?? "").replace(MARK, "").trim();
  return { ...config, description: `${text} (epoch ${createMark()})`.trim() };
}

const MARK = /\(epoch ([0-9a-z]{4})\)/;

function toNanoseconds(time: string): bigint {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? "";
  const seconds = Math.floor(Date.parse(time) / 1000);
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
}

/** 4 characters of base 36, as an epoch has room for 16. */
function createMark(): string {
  const [word = 0] = crypto.getRandomValues(new Uint32Array(1));
  return word.toString(36).slice(-4).padStart(4, "0");
}
