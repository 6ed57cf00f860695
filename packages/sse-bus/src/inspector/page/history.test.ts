import { expect, test } from "vitest";
import type { InstanceReport } from "../../http/instance-report.ts";
import { addReports, type Histories, ratesOf } from "./history.ts";

const none: Histories = new Map();
const at = (instance: string, time: number, published = 0) =>
  ({ instance, time, stats: { published } }) as InstanceReport;

test("reports are kept for a minute", () => {
  let all = none;
  for (let second = 1; second <= 100; second++) {
    all = addReports(all, [at("here", second * 1000)], second * 1000);
  }
  expect(all.get("here")?.reports).toHaveLength(60);
});

test("an instance that one answer lacks stays, and one without reports for a while is dropped", () => {
  let all = addReports(none, [at("here", 1000), at("gone", 1000)], 1000);
  all = addReports(all, [at("here", 2000)], 2000);
  expect([...all.keys()]).toEqual(["here", "gone"]);
  all = addReports(all, [at("here", 9000), at("gone", 1000)], 9001);
  expect([...all.keys()]).toEqual(["here"]);
});

test("the clocks of instances need not agree", () => {
  const all = addReports(none, [at("here", 1000), at("ahead", 9e12)], 1000);
  expect(addReports(all, [at("here", 2000), at("ahead", 9e12 + 1000)], 2000).size).toBe(2);
});

test("a report that is read twice counts once", () => {
  const once = addReports(none, [at("a", 1000)], 1000);
  for (const time of [1000, 500]) {
    expect(addReports(once, [at("a", time)], 2000).get("a")?.reports).toHaveLength(1);
  }
});

test("rates are per second, and none where a count was reset", () => {
  const reports = [at("a", 0, 10), at("a", 2000, 20), at("a", 3000, 5), at("a", 4000, 6)];
  const rates = ratesOf(reports, ({ stats }) => stats.published);
  expect(rates).toEqual([undefined, 5, undefined, 1]);
});
