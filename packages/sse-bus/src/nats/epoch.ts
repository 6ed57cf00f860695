import type { StreamConfig, StreamInfo } from "./jetstream-types.ts";

/**
 * The epoch of a stream: the nanosecond of its creation in base 36, followed by the suffix in its
 * description, if any. The suffix changes when the stream has lost its newest messages.
 */
export function epochOf({ created, config }: Pick<StreamInfo, "created" | "config">): string {
  const suffix = SUFFIX.exec(config.description ?? "")?.[1] ?? "";
  return toNanoseconds(created).toString(36) + suffix;
}

/** The configuration with a different epoch. */
export function withNewEpoch(config: StreamConfig): StreamConfig {
  const text = (config.description ?? "").replace(SUFFIX, "").trim();
  return { ...config, description: `${text} (epoch ${createSuffix()})`.trim() };
}

const SUFFIX = /\(epoch ([0-9a-z]{4})\)/;

function toNanoseconds(time: string): bigint {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? "";
  const seconds = Math.floor(Date.parse(time) / 1000);
  return BigInt(seconds) * 1_000_000_000n + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
}

/** 4 characters of base 36: an epoch has at most 16. */
function createSuffix(): string {
  const [word = 0] = crypto.getRandomValues(new Uint32Array(1));
  return word.toString(36).slice(-4).padStart(4, "0");
}
