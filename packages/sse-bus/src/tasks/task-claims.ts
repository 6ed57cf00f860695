import { isInstanceId } from "../core/instances/instance-id.ts";
import { readTaskChannel } from "./task-channels.ts";

/** An instance claims a task, or ends its claim. */
export interface ClaimMessage {
  /** The task's channel. */
  readonly c: string;
  /** The instance. */
  readonly i: string;
  /** `false` ends the claim. */
  readonly on: boolean;
}

/** What the claims in the log add up to: of several claims of one task, the first one counts. */
export interface TaskClaims {
  apply(claim: ClaimMessage): void;
  /** The instance whose claim counts. */
  holderOf(channel: string): string | undefined;
  /** All claims, those too that do not count. */
  all(): Iterable<readonly [channel: string, instance: string]>;
}

const MAX_CLAIMS = 20_000;

export function createTaskClaims(): TaskClaims {
  /** The instances that claim a task, in the order of the log. */
  const claims = new Map<string, Set<string>>();
  let count = 0;

  function add(channel: string, instance: string): void {
    const instances = claims.get(channel) ?? new Set();
    if (instances.has(instance) || count >= MAX_CLAIMS) return;
    claims.set(channel, instances.add(instance));
    count++;
  }

  function drop(channel: string, instance: string): void {
    const instances = claims.get(channel);
    if (!instances?.delete(instance)) return;
    if (instances.size === 0) claims.delete(channel);
    count--;
  }

  return {
    apply({ c, i, on }) {
      if (on) add(c, i);
      else drop(c, i);
    },
    holderOf(channel) {
      const [first] = claims.get(channel) ?? [];
      return first;
    },
    *all() {
      for (const [channel, instances] of claims) {
        for (const instance of instances) yield [channel, instance];
      }
    },
  };
}

/** A claim from the log; undefined if it is none. */
export function readClaim(data: unknown): ClaimMessage | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const { c, i, on } = data as Partial<ClaimMessage>;
  if (typeof c !== "string" || !readTaskChannel(c)) return undefined;
  return isInstanceId(i) && typeof on === "boolean" ? { c, i, on } : undefined;
}
