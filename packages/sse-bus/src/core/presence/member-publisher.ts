import type { Engine } from "../engine.ts";
import { isClosed } from "../engine.ts";
import { inBackground, startTimeout } from "../timers.ts";
import type { PresenceEvent } from "./contribution.ts";
import { contentOf, type LocalMember, type MemberContent } from "./local-member.ts";

/**
 * Publishes members until the log has what this instance has. One publish per member runs at a time, so
 * that they are stored in order; what changes in between is published together afterwards.
 */
export interface MemberPublisher {
  /** The member may have changed. */
  publish(member: LocalMember): void;
  /** Publishes it even if it has not changed. */
  publishAgain(member: LocalMember): void;
  /** Another instance has received what the member is now; see {@link MemberPublisher.publish}. */
  noteStated(member: LocalMember): void;
  /** Idempotent. */
  stop(): void;
}

export interface MemberPublisherOptions {
  readonly engine: Engine;
  readonly instance: () => string;
  readonly send: (channel: string, event: PresenceEvent) => Promise<unknown>;
  /** The log has what this instance has of the member. */
  readonly onDone: (member: LocalMember) => void;
  readonly onError: (error: Error) => void;
}

/** Publishes that run at the same time, of all members. */
const MAX_PARALLEL = 64;
const MIN_RETRY_MS = 250;
const MAX_RETRY_MS = 5000;

export function createMemberPublisher(options: MemberPublisherOptions): MemberPublisher {
  const { engine, onDone, onError } = options;
  const waiting = new Set<LocalMember>();
  let running = 0;
  let failures = 0;
  let lastFailure: string | undefined;
  let retryTimer: ReturnType<typeof setTimeout> | undefined;
  let isStopped = false;

  function publish(member: LocalMember): void {
    waiting.add(member);
    publishWaiting();
  }

  function publishWaiting(): void {
    if (retryTimer !== undefined || isStopped) return;
    for (const member of waiting) {
      if (running >= MAX_PARALLEL) return;
      // It is looked at again when its publish has ended.
      if (member.publication.sending !== undefined) continue;
      waiting.delete(member);
      const text = textOf(contentOf(member));
      if (text === member.publication.stored) onDone(member);
      else void send(member, text);
    }
  }

  async function send(member: LocalMember, text: string): Promise<void> {
    const { publication } = member;
    const before = publication.stored;
    publication.sending = text;
    // Until the answer comes, and after a failure, the log may or may not have it.
    publication.stored = undefined;
    running++;
    try {
      await options.send(member.channel, eventOf(member, text, before));
      failures = 0;
      lastFailure = undefined;
      // `noteStated` and `publishAgain` remove what is being sent.
      if (publication.sending === text) publication.stored = text;
    } catch (error) {
      retryLater(error as Error);
    }
    running--;
    publication.sending = undefined;
    publish(member);
  }

  function eventOf(member: LocalMember, text: string, before: string | undefined): PresenceEvent {
    const { id } = member;
    const i = options.instance();
    if (text === "") return { type: "leave", i, id };
    const type = before === "" ? "join" : "update";
    return { type, i, id, ...(JSON.parse(text) as MemberContent) };
  }

  function retryLater(error: Error): void {
    if (isStopped || isClosed(engine)) return stop();
    // An outage is reported once, not with every attempt.
    if (error.message !== lastFailure) onError(error);
    lastFailure = error.message;
    if (retryTimer !== undefined) return;
    const delayMs = Math.min(MAX_RETRY_MS, MIN_RETRY_MS * 2 ** failures++);
    engine.onceUp.add(retry);
    retryTimer = inBackground(startTimeout(retry, delayMs * (0.5 + Math.random() / 2)));
  }

  function retry(): void {
    clearTimeout(retryTimer);
    retryTimer = undefined;
    engine.onceUp.delete(retry);
    publishWaiting();
  }

  function publishAgain(member: LocalMember): void {
    const { publication } = member;
    publication.stored = undefined;
    // Not `undefined`: its publish still runs.
    if (publication.sending !== undefined) publication.sending = UNCERTAIN;
    publish(member);
  }

  function stop(): void {
    isStopped = true;
    waiting.clear();
    clearTimeout(retryTimer);
    engine.onceUp.delete(retry);
  }

  return {
    publish,
    publishAgain,
    noteStated(member) {
      const { sending, stored } = member.publication;
      // Otherwise a change that is taken back before it is published would stay with the instance that received it.
      if ((sending ?? stored) !== textOf(contentOf(member))) publishAgain(member);
    },
    stop,
  };
}

/** No content is this. */
const UNCERTAIN = "?";

function textOf(content: MemberContent | undefined): string {
  return content ? JSON.stringify(content) : "";
}
