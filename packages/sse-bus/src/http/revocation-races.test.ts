import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { createArrayLog } from "../../test/support/array-log.ts";
import { readTestStream } from "../../test/support/event-stream.ts";
import { createBus } from "../core/bus.ts";
import type { Bus } from "../core/bus-types.ts";
import { routeContext } from "./route-context.ts";
import { createStreamHandler } from "./stream-handler.ts";
import type { WebHandler } from "./web-call.ts";

/**
 * Random schedules of streams that open and renew their permission while access is revoked and granted, on
 * three instances that share a log. `authorize` reads the access when it is called, and answers when the
 * schedule says so: the answer may be out of date.
 *
 * SSE_BUS_RACE_RUNS=5000 for a long run; SSE_BUS_RACE_SEED to repeat one.
 */
const RUNS = Number(process.env.SSE_BUS_RACE_RUNS ?? 200);
const SEED = Number(process.env.SSE_BUS_RACE_SEED ?? 0) || Math.trunc(Math.random() * 2 ** 31);

const USERS = ["ada", "bob", "eve"];
/** Nobody ever revokes this one's access: its streams must not end. */
const TRUSTED = "tim";
const INSTANCES = 3;
const EXPIRY_MS = 1000;

const OPERATIONS = {
  open: 8,
  resume: 4,
  answer: 10,
  revoke: 4,
  grant: 3,
  publish: 8,
  expire: 2,
  catchUp: 6,
  turn: 6,
} as const;
type Operation = keyof typeof OPERATIONS;

interface Step {
  readonly do: Operation;
  readonly pick: number;
  readonly also: number;
}

const anyStep: fc.Arbitrary<Step> = fc.record({
  do: fc.oneof(
    ...Object.entries(OPERATIONS).map(([name, weight]) => ({
      weight,
      arbitrary: fc.constant(name as Operation),
    })),
  ),
  pick: fc.nat({ max: 1000 }),
  also: fc.nat({ max: 1000 }),
});

/** A stream of each user, on one instance each, before the schedule. */
const START: readonly Step[] = [1, 2, 3, 5].flatMap((pick) => [
  { do: "open", pick, also: pick },
  { do: "turn", pick, also: 0 },
  { do: "catchUp", pick, also: pick },
  { do: "answer", pick: 0, also: 0 },
  { do: "turn", pick, also: 0 },
]);

interface Client {
  readonly user: string;
  /**
   * How often the user's access had changed when `authorize` was last asked for this stream to open. A stream
   * may start at a message before that: one that resumes, and one whose instance has yet to receive it.
   */
  grantedAt: number;
  isOpen: boolean;
  readonly received: number[];
  /** Those that it received without access. */
  readonly illegal: number[];
  bye: string | undefined;
}

/** As it was when the message was given to `publish`. */
interface PublishedMessage {
  readonly denied: ReadonlySet<string>;
  readonly changes: ReadonlyMap<string, number>;
}

class World {
  readonly errors: Error[] = [];
  private readonly buses: Bus[] = [];
  private readonly handlers: WebHandler[] = [];
  private readonly access = new Map([...USERS, TRUSTED].map((user) => [user, true]));
  /** Users whose access is revoked, and whose `bus.disconnect` has resolved. */
  private readonly denied = new Set<string>();
  /** Of the messages that were stored. */
  private readonly ids: string[] = [];
  /** How often the access of each user has changed. */
  private readonly changes = new Map<string, number>();
  private readonly answers: (() => void)[] = [];
  private readonly pending: Promise<unknown>[] = [];
  private readonly clients: Client[] = [];
  private readonly readings: Promise<void>[] = [];
  private readonly messages: PublishedMessage[] = [];

  constructor() {
    const log = createArrayLog();
    const host = { socketIp: () => undefined, trustedProxies: 0 };
    for (let n = 0; n < INSTANCES; n++) {
      const bus = createBus({
        backend: log.connect(),
        onError: (error) => this.errors.push(error),
      });
      const authorize = ({ request }: { readonly request: Request }) => this.ask(request);
      this.buses.push(bus);
      this.handlers.push(
        createStreamHandler(routeContext(bus), { authorize, heartbeatMs: 60_000 }, host),
      );
    }
  }

  async run({ do: operation, pick, also }: Step): Promise<void> {
    const user = USERS[pick % USERS.length] as string;
    const instance = also % INSTANCES;
    const bus = this.buses[instance] as Bus;
    switch (operation) {
      case "open":
        this.open(pick % 5 === 0 ? TRUSTED : user, instance);
        break;
      case "resume":
        this.open(user, instance, this.ids[pick % (this.ids.length || 1)]);
        break;
      case "answer":
        this.answers.splice(pick % (this.answers.length || 1), 1)[0]?.();
        break;
      case "revoke":
        this.pending.push(this.revoke(user, bus));
        break;
      case "grant":
        this.denied.delete(user);
        this.access.set(user, true);
        this.noteChange(user);
        break;
      case "publish":
        this.messages.push({ denied: new Set(this.denied), changes: new Map(this.changes) });
        this.pending.push(
          bus.publish(this.messages.length - 1).then(({ id }) => this.ids.push(id)),
        );
        break;
      case "expire":
        vi.setSystemTime(Date.now() + EXPIRY_MS);
        break;
      case "catchUp":
        await bus.cursor();
        break;
      default:
        await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Ends everything, and gives what every client has received. */
  async end(): Promise<readonly Client[]> {
    let isOver = false;
    const answering = (async () => {
      while (!isOver) {
        for (const answer of this.answers.splice(0)) answer();
        await new Promise((resolve) => setImmediate(resolve));
      }
    })();
    await Promise.all(this.pending);
    for (const bus of this.buses) await bus.cursor();
    await new Promise((resolve) => setImmediate(resolve));
    await Promise.all(this.buses.map((bus) => bus.close()));
    await Promise.all(this.readings);
    isOver = true;
    await answering;
    return this.clients;
  }

  private ask(request: Request): Promise<403 | { identity: { id: string }; expiresAt: number }> {
    const client = this.clients[Number(request.headers.get("x-client"))] as Client;
    const id = client.user;
    const mayRead = this.access.get(id);
    // A renewal is not a new stream: a disconnect before it has to end this one.
    if (!client.isOpen) client.grantedAt = this.changes.get(id) ?? 0;
    return new Promise((resolve) =>
      this.answers.push(() =>
        resolve(mayRead ? { identity: { id }, expiresAt: expiryOf(id) } : 403),
      ),
    );
  }

  private async revoke(user: string, bus: Bus): Promise<void> {
    this.access.set(user, false);
    const change = this.noteChange(user);
    await bus.disconnect({ identity: user });
    if (this.changes.get(user) === change) this.denied.add(user);
  }

  private noteChange(user: string): number {
    const change = (this.changes.get(user) ?? 0) + 1;
    this.changes.set(user, change);
    return change;
  }

  private receive(client: Client, message: number): void {
    const { user, grantedAt } = client;
    client.received.push(message);
    const { denied, changes } = this.messages[message] as PublishedMessage;
    const isGrantedSince = grantedAt > (changes.get(user) ?? 0);
    if (denied.has(user) && !isGrantedSince) client.illegal.push(message);
  }

  private open(user: string, instance: number, from?: string): void {
    const client: Client = {
      user,
      grantedAt: 0,
      isOpen: false,
      received: [],
      illegal: [],
      bye: undefined,
    };
    const handle = this.handlers[instance] as WebHandler;
    const request = new Request("http://localhost/api/sse", {
      headers: {
        "x-client": `${this.clients.push(client) - 1}`,
        ...(from !== undefined && { "Last-Event-ID": from }),
      },
    });
    this.readings.push(
      (async () => {
        const response = await handle(request);
        if (response.status !== 200) return;
        client.isOpen = true;
        const stream = readTestStream(response);
        for (let event = await stream.next(); event; event = await stream.next()) {
          if (event.event === undefined) this.receive(client, Number(event.data));
          else if (event.event === "bye") client.bye = (JSON.parse(event.data) as Bye).reason;
        }
      })(),
    );
  }
}

/** A permission that expires before its renewal arrives ends a stream, rightly: this one's does not expire. */
function expiryOf(user: string): number {
  return user === TRUSTED ? Number.POSITIVE_INFINITY : Date.now() + EXPIRY_MS;
}

interface Bye {
  readonly reason: string;
}

test("nothing that is published after a disconnect reaches a stream without access, in any order of events", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  let revocations = 0;
  let deliveries = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(anyStep, { minLength: 10, maxLength: 80 }), async (steps) => {
      const world = new World();
      for (const step of [...START, ...steps]) await world.run(step);
      const clients = await world.end();
      expect(world.errors).toEqual([]);
      for (const { user, received, illegal, bye } of clients) {
        deliveries += received.length;
        if (bye === "revoked") revocations++;
        expect(illegal, `of ${user}`).toEqual([]);
        expect(received.length, "none twice").toBe(new Set(received).size);
        if (user === TRUSTED) expect(bye ?? "drain").toBe("drain");
      }
    }),
    { numRuns: RUNS, seed: SEED },
  );
  vi.useRealTimers();
  expect(revocations, "the schedules meet open streams").toBeGreaterThan(RUNS / 10);
  expect(deliveries).toBeGreaterThan(RUNS);
}, 120_000);
