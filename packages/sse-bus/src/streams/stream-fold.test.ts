import fc from "fast-check";
import { expect, test } from "vitest";
import { createInstanceId } from "../core/instances/instance-id.ts";
import { createRunId } from "./stream-channels.ts";
import { createStreamFold, type FoldedMessage, type StreamFold } from "./stream-fold.ts";

const [one, two] = [createInstanceId(), createInstanceId()];

function apply(fold: StreamFold, ...messages: readonly (readonly [string, unknown])[]): void {
  const seq = (seqs.get(fold) ?? 0) + 1;
  for (const [index, [event, data]] of messages.entries()) {
    fold.apply({ event, data, seq: seq + index, time: 1000 + seq + index });
  }
  seqs.set(fold, seq + messages.length - 1);
}
const seqs = new WeakMap<StreamFold, number>();

test("the first start counts, and the next one once the run has ended", () => {
  const fold = createStreamFold();
  const [first, other, next] = [createRunId(1), createRunId(1), createRunId(2)];
  apply(fold, ["start", { r: first, i: one }], ["start", { r: other, i: two }]);
  expect(fold.newest).toMatchObject({ id: first, owner: one, isWhole: true });
  apply(fold, ["start", { r: next, i: two }]);
  expect(fold.newest?.id).toBe(first);
  apply(fold, ["end", { r: first, how: "done", n: 3 }], ["end", { r: first, how: "failed", n: 9 }]);
  expect(fold.newest?.end).toMatchObject({ how: "done", bytes: 3 });
  // It was claimed before the run that has ended began.
  apply(fold, ["start", { r: createRunId(1), i: two }]);
  expect(fold.newest?.id).toBe(first);
  apply(fold, ["start", { r: next, i: two }]);
  expect(fold.newest).toMatchObject({ id: next, owner: two, end: undefined });
});

test("a run is lost only with the owner that it has at that position", () => {
  const fold = createStreamFold();
  const r = createRunId(1);
  apply(
    fold,
    ["start", { r, i: one }],
    ["owner", { r, i: two }],
    ["end", { r, how: "lost", i: one }],
  );
  expect(fold.newest).toMatchObject({ owner: two, end: undefined });
  apply(fold, ["end", { r, how: "lost", i: two }], ["owner", { r, i: one }]);
  expect(fold.newest).toMatchObject({ owner: two, end: { how: "lost", bytes: undefined } });
  // What a paused instance publishes after it counts for nothing.
  expect(part(fold, { r, o: 0, t: "late" })).toBeUndefined();
});

test("a part names the run that counts, if the log no longer has its start", () => {
  const fold = createStreamFold();
  const [late, run] = [createRunId(3), createRunId(3)];
  apply(fold, ["start", { r: late, i: two }]);
  expect(part(fold, { r: run, o: 5, t: "abc" })).toMatchObject({ run, offset: 5 });
  expect(fold.newest).toMatchObject({ id: run, isWhole: false, owner: undefined });
  expect(part(fold, { r: createRunId(2), o: 0, t: "old" })).toBeUndefined();
});

test("any data changes nothing and throws nothing", () => {
  const anyEvent = fc.constantFrom("start", "owner", "part", "end", "other");
  const anyData = fc.oneof(
    fc.jsonValue(),
    fc.record(
      { r: fc.oneof(fc.string(), fc.constant(createRunId(1))), i: fc.anything(), o: fc.anything() },
      { requiredKeys: [] },
    ),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(anyEvent, anyData)), (messages) => {
      const fold = createStreamFold();
      apply(fold, ...messages);
      expect(fold.newest).toBeUndefined();
    }),
  );
});

test("of any claims in any order, all who read the log agree, and runs follow one another", () => {
  const anyClaim = fc.record({ instance: fc.nat(2), stale: fc.boolean(), ends: fc.boolean() });
  fc.assert(
    fc.property(fc.array(anyClaim, { maxLength: 30 }), fc.nat(), (claims, cut) => {
      const ids = [createInstanceId(), createInstanceId(), createInstanceId()];
      const log: FoldedMessage[] = [];
      const fold = createStreamFold();
      const add = (event: string, data: unknown): void => {
        const message = { event, data, seq: log.length + 1, time: log.length + 1 };
        log.push(message);
        fold.apply(message);
      };
      const won: string[] = [];
      for (const { instance, stale, ends } of claims) {
        const { newest } = fold;
        const r = createRunId(Math.max(1, (newest?.number ?? 0) + (stale ? 0 : 1)));
        const wasFree = !newest || newest.end !== undefined;
        add("start", { r, i: ids[instance] });
        const hasWon = fold.newest?.id === r;
        expect(hasWon).toBe(wasFree && (!stale || !newest));
        if (hasWon) {
          won.push(r);
          add("part", { r, o: 0, t: "x" });
        }
        if (ends && fold.newest && !fold.newest.end) {
          add("end", { r: fold.newest.id, how: "done", n: 1 });
        }
      }
      // An instance that reads later, and of which the log has dropped the start.
      const later = createStreamFold();
      for (const message of log.slice(log.length > 0 ? cut % log.length : 0)) later.apply(message);
      const proven = log.slice(cut % (log.length || 1)).some(({ event }) => event === "part");
      if (proven) expect(later.newest?.id).toBe(won.at(-1));
    }),
  );
});

function part(fold: StreamFold, data: object) {
  const seq = (seqs.get(fold) ?? 0) + 1;
  seqs.set(fold, seq);
  return fold.apply({ event: "part", data, seq, time: seq });
}
