import { assertTopic, topicCovers } from "../core/channel-name.ts";
import type { Grant, Identity } from "./authorize.ts";
import { readIdentity } from "./read-identity.ts";

/** What a client may do, checked. */
export interface Permission {
  readonly channels: readonly string[];
  /** In ms since 1970; `Infinity` if it does not expire. */
  readonly expiresAt: number;
  readonly identity?: Identity | undefined;
}

/**
 * Checks what `authorize` returned. A mistake in it must not grant a channel that was not requested, nor
 * everything because it returned a `Response`, a list or `channels: undefined`.
 *
 * @throws Error for anything that is not a valid grant
 */
export function readGrant(grant: Grant, requested: readonly string[]): Permission {
  const hasChannels = "channels" in grant;
  const hasExpiry = "expiresAt" in grant;
  const hasIdentity = "identity" in grant;
  if (!hasChannels && !hasExpiry && !hasIdentity) {
    throw new Error("authorize returned an object without channels, expiresAt and identity");
  }
  const channels = hasChannels ? new Set(readChannels(grant.channels, requested)) : requested;
  return {
    channels: [...channels],
    expiresAt: hasExpiry ? readExpiry(grant.expiresAt) : Number.POSITIVE_INFINITY,
    identity: hasIdentity ? readIdentity(grant.identity) : undefined,
  };
}

function readChannels(channels: unknown, requested: readonly string[]): string[] {
  if (!Array.isArray(channels))
    throw new Error("authorize returned `channels` that are not a list");
  return channels.map((topic: unknown) => {
    assertTopic(topic);
    if (requested.some((name) => topicCovers(name, topic))) return topic;
    throw new Error(`authorize granted "${topic}", which was not requested`);
  });
}

function readExpiry(expiresAt: unknown): number {
  const time = expiresAt instanceof Date ? expiresAt.getTime() : expiresAt;
  if (typeof time === "number" && !Number.isNaN(time)) return time;
  throw new Error("authorize returned an `expiresAt` that is not a time");
}
