import type { BusInternals } from "../bus-internals.ts";
import { isClosed } from "../engine.ts";
import { createInstanceId } from "../instances/instance-id.ts";
import type { ControlChannel } from "../instances/control-channel.ts";
import { publishReserved, subscribeReserved, type ReservedSubscription } from "../reserved.ts";
import { inBackground, startTimeout } from "../timers.ts";
import type { Contribution } from "./contribution.ts";
import type { Statement } from "./fold.ts";
import {
  type Answer,
  createAnswer,
  MAX_CHANNELS_ASKED,
  type Question,
  readAnswer,
  readQuestion,
} from "./statements.ts";

/**
 * How an instance learns who is present when it begins to follow a channel: it asks on the control
 * channel, and each instance answers what it contributes itself, in an inbox of the one that asked. So
 * nothing about members is sent to those who know them already.
 */
export interface Sync {
  /**
   * Asks for a channel. `onStatement` is called for each answer, this instance's own too; late ones as
   * well, until `isOver`. Resolves once every live instance has answered, or after a second.
   */
  ask(channel: string, host: SyncHost): Promise<void>;
  /** Idempotent. */
  stop(): void;
}

export interface SyncHost {
  onStatement(statement: Statement): void;
  /** No answer is awaited any more. */
  onOver(): void;
}

export interface SyncOptions {
  readonly internals: BusInternals;
  readonly control: ControlChannel;
  readonly instance: () => string;
  /** The live instances, as far as is known. */
  readonly peers: () => Iterable<string>;
  /** What this instance contributes to a channel. */
  readonly state: (channel: string) => Contribution[];
}

interface Asking {
  readonly ask: string;
  readonly channels: readonly string[];
  readonly hosts: readonly SyncHost[];
  /** Instances whose answer is awaited. */
  readonly missing: Set<string>;
  readonly parts: Map<string, Map<number, Answer>>;
  readonly attempt: number;
  /** All have answered, or it is not waited any longer. */
  settle(): void;
  timers: ReturnType<typeof setTimeout>[];
}

/** Questions of this time are sent together. */
const BATCH_MS = 5;
const MAX_WAIT_MS = 1000;
/** An instance that has not answered by then is asked again. */
const ASK_AGAIN_MS = 3000;
/** Instances without presence never answer. */
const MAX_ATTEMPTS = 3;

export function createSync(options: SyncOptions): Sync {
  const { internals, control, instance } = options;
  const to = createInstanceId();
  const inbox = `~inbox/${to}`;
  const open = new Map<string, Asking>();
  /** Live instances that have not answered several times: they have nothing to do with presence. */
  const silent = new Set<string>();
  let batch: { channel: string; host: SyncHost; settle: () => void }[] = [];
  let subscription: ReservedSubscription | undefined;
  let isStopped = false;

  const stopListening = control.on("presence-ask", (data, { seq }) => {
    const question = readQuestion(data);
    if (question) void answer(question, seq).catch(report);
  });

  async function answer({ to: asker, ask, channels }: Question, at: number): Promise<void> {
    const i = instance();
    const members = channels.flatMap((channel, index) =>
      options.state(channel).map((contribution) => [index, contribution] as const),
    );
    if (asker === to) {
      // Nothing of it has to leave this process.
      receive({ ask, i, at, part: 1, of: 1, members });
      return;
    }
    for (const part of createAnswer({ ask, i, at }, members)) {
      await publishReserved(internals, `~inbox/${asker}`, "presence-answer", part);
    }
  }

  function receive(answered: Answer): void {
    const { ask, i, part, of } = answered;
    const asking = open.get(ask);
    if (!asking) return;
    let parts = asking.parts.get(i);
    if (!parts) asking.parts.set(i, (parts = new Map()));
    parts.set(part, answered);
    if (parts.size < of) return;
    asking.parts.delete(i);
    silent.delete(i);
    const all = [...parts.values()];
    for (const [index, host] of asking.hosts.entries()) {
      const contributions = all
        .flatMap(({ members }) => members)
        .filter(([channel]) => channel === index)
        .map(([, contribution]) => contribution);
      host.onStatement({ i, at: answered.at, contributions });
    }
    asking.missing.delete(i);
    if (asking.missing.size === 0) finish(asking);
  }

  async function send(attempt: number, asked: typeof batch): Promise<void> {
    subscription ??= subscribeReserved(
      internals,
      inbox,
      (data) => {
        const answered = readAnswer(data);
        if (answered) receive(answered);
      },
      // The question is asked again if an answer is missing.
      { onGap: () => {} },
    );
    await Promise.all([control.open(), subscription.live]);
    const ask = createInstanceId();
    const missing = new Set([...options.peers()].filter((id) => !silent.has(id)));
    missing.add(instance());
    const asking: Asking = {
      ask,
      channels: asked.map(({ channel }) => channel),
      hosts: asked.map(({ host }) => host),
      missing,
      parts: new Map(),
      attempt,
      settle: () => asked.forEach((each) => each.settle()),
      timers: [],
    };
    open.set(ask, asking);
    asking.timers = [
      inBackground(startTimeout(asking.settle, MAX_WAIT_MS)),
      inBackground(startTimeout(() => askAgain(asking), ASK_AGAIN_MS * attempt)),
    ];
    try {
      await control.send("presence-ask", { to, ask, channels: asking.channels } satisfies Question);
    } catch (error) {
      // Asked again after a while.
      report(error);
    }
  }

  function askAgain(asking: Asking): void {
    if (!open.has(asking.ask)) return;
    open.delete(asking.ask);
    const live = new Set(options.peers());
    live.add(instance());
    const isComplete = [...asking.missing].every((id) => !live.has(id));
    if (isComplete || isStopped || asking.attempt >= MAX_ATTEMPTS) {
      for (const id of asking.missing) if (live.has(id)) silent.add(id);
      if (silent.size > MAX_SILENT) silent.clear();
      finish(asking);
      return;
    }
    const again = asking.channels.map((channel, index) => ({
      channel,
      host: asking.hosts[index] as SyncHost,
      settle: asking.settle,
    }));
    void send(asking.attempt + 1, again).catch(report);
  }

  function finish(asking: Asking): void {
    open.delete(asking.ask);
    for (const timer of asking.timers) clearTimeout(timer);
    asking.settle();
    for (const host of asking.hosts) host.onOver();
  }

  function sendBatch(): void {
    const all = batch;
    batch = [];
    for (let start = 0; start < all.length; start += MAX_CHANNELS_ASKED) {
      const some = all.slice(start, start + MAX_CHANNELS_ASKED);
      void send(1, some).catch((error: unknown) => {
        report(error);
        for (const { settle, host } of some) {
          settle();
          host.onOver();
        }
      });
    }
  }

  function report(error: unknown): void {
    if (!isStopped && !isClosed(internals.engine)) internals.onError(error as Error);
  }

  return {
    async ask(channel, host) {
      await new Promise<void>((settle) => {
        batch.push({ channel, host, settle });
        if (batch.length === 1) startTimeout(sendBatch, BATCH_MS);
      });
    },
    stop() {
      isStopped = true;
      stopListening();
      subscription?.close();
      for (const asking of open.values()) finish(asking);
    },
  };
}

const MAX_SILENT = 1000;
