import { expect, test } from "vitest";
import { createPresenceMembers } from "./presence-members.ts";

const cursorOf = (seq: number): string => `${seq.toString(36)}-mb1x2k9a-k3x9q7aa`;
const ann = { i: "a", id: "ann", n: 1, at: 1 };
const bob = { i: "a", id: "bob", n: 1, at: 2 };
const SET = { type: "members", channel: "c", at: cursorOf(10), part: 1, of: 1, members: [ann] };

test.each([
  [null],
  [5],
  ["members"],
  [[]],
  [{ ...SET, at: undefined }],
  [{ ...SET, at: 5 }],
  [{ ...SET, at: {} }],
  [{ ...SET, members: null }],
  [{ ...SET, members: {} }],
  [{ ...SET, part: 0, of: -1 }],
  [{ ...SET, of: "x" }],
  [{ ...SET, of: 1e6 }],
  [{ ...SET, of: Number.NaN }],
])("%j is no set of members, and the next set counts", (data) => {
  const members = createPresenceMembers();
  expect(members.apply(data, cursorOf(5))).toBe(false);
  expect(members.isComplete()).toBe(false);
  expect(members.apply(SET, "")).toBe(true);
  expect(members.apply({ type: "join", ...bob }, cursorOf(11))).toBe(true);
  expect([...members.byId.keys()]).toEqual(["ann", "bob"]);
});

test("ids that objects have as properties are ids like others", () => {
  const members = createPresenceMembers();
  members.apply(
    {
      ...SET,
      members: [
        { ...ann, id: "__proto__" },
        { ...ann, id: "toString" },
      ],
    },
    "",
  );
  expect([...members.byId.keys()]).toEqual(["__proto__", "toString"]);
});

test("of very many events before the set, the newest thousand are kept", () => {
  const members = createPresenceMembers();
  for (let seq = 1; seq <= 5000; seq++) {
    members.apply({ type: "join", i: "a", id: `${seq}`, n: 1, at: 1 }, cursorOf(seq));
  }
  members.apply({ ...SET, at: cursorOf(3000) }, "");
  expect(members.byId.size).toBe(1001);
});
