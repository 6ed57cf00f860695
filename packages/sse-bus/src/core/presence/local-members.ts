import { SseBusError } from "../errors.ts";
import type { Contribution } from "./contribution.ts";
import {
  addStream,
  contentOf,
  createLocalMember,
  type LocalMember,
  removeStream,
  settleCount,
  showNewest,
} from "./local-member.ts";
import type { MemberPublisher } from "./member-publisher.ts";
import { type Listed, listFirst, type ReportedPresence } from "../report-parts.ts";
import { inBackground, startTimeout } from "../timers.ts";

/** A stream of an identified client. */
export interface MemberStream {
  /** The `connection` of its `hello`. */
  readonly connection: string;
  readonly identity: { readonly id: string; readonly info?: unknown };
  /** The channels on which it makes its client a member. */
  readonly channels: readonly string[];
  /** How long its client stays a member after it. */
  readonly graceMs: number;
}

/** What {@link LocalMembers.setState} has done. */
export type StateOutcome = "set" | "unknown-connection" | "not-a-member";

/**
 * The members with streams on this instance. It decides who is a member, and publishes each change of a
 * member once: not each stream, and nothing for a stream that reconnects within its grace.
 */
export interface LocalMembers {
  open(stream: MemberStream): void;
  /** Idempotent. */
  close(connection: string): void;
  /** Sets what a stream shows on a channel; `undefined` removes it. */
  setState(connection: string, channel: string, state: unknown): StateOutcome;
  /** What this instance contributes to a channel, whether it was published yet or not. */
  state(channel: string): Contribution[];
  /** The channels with members, and how many streams each member has here: for reports. */
  report(limit: number): Listed<ReportedPresence>;
  /** The instance has a new id, and contributes everything again. */
  publishAll(): void;
  /** Whether there are members, or some whose end was not published yet. */
  readonly isEmpty: boolean;
  /** Stops all timers. Idempotent. */
  stop(): void;
}

export interface LocalMembersHost {
  /** This instance's id, which may change. */
  instance(): string;
  /** The log's clock, in ms since 1970. */
  now(): number;
  /** Called when there is a first member, and when there is none any more. */
  onUse(isUsed: boolean): void;
  onError(error: Error): void;
  readonly maxMembers: number;
  createPublisher(onDone: (member: LocalMember) => void): MemberPublisher;
}

interface OpenStream {
  readonly stream: MemberStream;
  readonly states: Map<string, { readonly state: unknown; readonly at: number }>;
}

/** Members of one channel in a report. */
const MAX_REPORTED = 10;

export function createLocalMembers(host: LocalMembersHost): LocalMembers {
  const streams = new Map<string, OpenStream>();
  const channels = new Map<string, Map<string, LocalMember>>();
  const publisher = host.createPublisher(forgetEnded);
  let isFull = false;

  function open(stream: MemberStream): void {
    if (streams.has(stream.connection)) return;
    const opened: OpenStream = { stream, states: new Map() };
    const wasEmpty = channels.size === 0;
    streams.set(stream.connection, opened);
    for (const channel of stream.channels) join(channel, opened);
    if (wasEmpty && channels.size > 0) host.onUse(true);
  }

  function join(channel: string, { stream, states }: OpenStream): void {
    const { identity, connection } = stream;
    let members = channels.get(channel);
    if (!members) channels.set(channel, (members = new Map()));
    let member = members.get(identity.id);
    if (!member) {
      if (members.size >= host.maxMembers) return reportFull(channel);
      member = createLocalMember(channel, identity.id, host.now());
      members.set(identity.id, member);
    }
    addStream(member, { connection, info: identity.info, shown: () => states.get(channel) });
    publisher.publish(member);
  }

  function close(connection: string): void {
    const opened = streams.get(connection);
    if (!opened) return;
    streams.delete(connection);
    const { identity, graceMs } = opened.stream;
    for (const channel of opened.stream.channels) {
      const member = channels.get(channel)?.get(identity.id);
      if (!member || !removeStream(member, connection)) continue;
      publisher.publish(member);
      clearTimeout(member.timer);
      member.timer = inBackground(startTimeout(() => settle(member), graceMs));
    }
  }

  /** The grace is over: streams that have not returned do not count any more. */
  function settle(member: LocalMember): void {
    member.timer = undefined;
    settleCount(member);
    publisher.publish(member);
  }

  function setState(connection: string, channel: string, state: unknown): StateOutcome {
    const opened = streams.get(connection);
    if (!opened) return "unknown-connection";
    const member = channels.get(channel)?.get(opened.stream.identity.id);
    if (!member || !opened.stream.channels.includes(channel)) return "not-a-member";
    if (state === undefined) opened.states.delete(channel);
    else opened.states.set(channel, { state, at: host.now() });
    showNewest(member);
    publisher.publish(member);
    return "set";
  }

  function report(limit: number): Listed<ReportedPresence> {
    return listFirst(channels, limit, ([channel, members]) => ({
      channel,
      members: members.size,
      shown: listFirst(members, MAX_REPORTED, ([id, { count: streams }]) => ({ id, streams }))
        .listed,
    }));
  }

  function forgetEnded(member: LocalMember): void {
    if (contentOf(member)) return;
    const members = channels.get(member.channel);
    if (members?.get(member.id) !== member) return;
    members.delete(member.id);
    isFull = false;
    if (members.size > 0) return;
    channels.delete(member.channel);
    if (channels.size === 0) host.onUse(false);
  }

  function reportFull(channel: string): void {
    if (isFull) return;
    isFull = true;
    host.onError(tooManyMembers(channel, host.maxMembers));
  }

  return {
    open,
    close,
    setState,
    state(channel) {
      const contributions: Contribution[] = [];
      for (const member of channels.get(channel)?.values() ?? []) {
        const content = contentOf(member);
        // The instance that receives this statement needs an event for every difference from it.
        publisher.noteStated(member);
        if (content) contributions.push({ i: host.instance(), id: member.id, ...content });
      }
      return contributions;
    },
    report,
    publishAll() {
      for (const members of channels.values()) {
        for (const member of members.values()) publisher.publishAgain(member);
      }
    },
    get isEmpty() {
      return channels.size === 0;
    },
    stop() {
      publisher.stop();
      for (const members of channels.values()) {
        for (const { timer } of members.values()) clearTimeout(timer);
      }
    },
  };
}

/** Members that are beyond the limit are left out. */
export function tooManyMembers(channel: string, maxMembers: number): SseBusError {
  const shown = maxMembers.toLocaleString("en");
  return new SseBusError(
    "TOO_MANY_MEMBERS",
    `Member limit reached: "${channel}" has ${shown} members, and further ones are left out. Spread them over several channels.`,
  );
}
