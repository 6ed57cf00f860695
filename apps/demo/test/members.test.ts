import { expect, it } from "vitest";

import { byName } from "../features/notifications/members.ts";

const info = { name: "Heron 7" };

it("a member has the name that the visitor chose, and the server's name before that", () => {
  const state = { name: "Ada", status: "typing" };
  expect(byName([{ id: "1", info, state }])).toEqual([
    { person: "1", name: "Ada", status: "typing" },
  ]);
  expect(byName([{ id: "1", info }])).toEqual([{ person: "1", name: "Heron 7", status: "here" }]);
});

it("a member whose state has another shape is shown with the server's name", () => {
  for (const state of [null, "typing", { name: {} }, { name: " ", status: "here" }]) {
    expect(byName([{ id: "1", info, state }])).toEqual([
      { person: "1", name: "Heron 7", status: "here" },
    ]);
  }
  expect(byName([{ id: "1" }])).toEqual([{ person: "1", name: "Visitor", status: "here" }]);
});

it("members are in the order of their names", () => {
  const named = (name: string) => ({ id: name, state: { name, status: "here" } });
  const names = byName(["Zoe", "ada", "Émile", "Ben"].map(named)).map(({ name }) => name);
  expect(names).toEqual(["ada", "Ben", "Émile", "Zoe"]);
});
