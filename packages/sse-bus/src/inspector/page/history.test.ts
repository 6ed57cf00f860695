import { expect, test } from "vitest";
import type { InstanceReport } from "../../http/instance-report.ts";
import { addReports, ratesOf } from "./history.ts";

const at = (instance: string, time: number, published = 0) =>
  ({ instance, time, stats: { published } }) as InstanceReport;

test("reports are kept for a minute, and an instance without new ones is dropped", () => {
  let all = addReports(new Map(), [at("here", 0), at("gone", 0)]);
  for (let second = 1; second <= 100; second++) all = addReports(all, [at("here", second * 1000)]);
  expect([...all.keys()]).toEqual(["here"]);
  expect(all.get("here")).toHaveLength(60);
});

test("a report that is read twice counts once", () => {
  const once = addReports(new Map(), [at("a", 1000)]);
  expect(addReports(once, [at("a", 1000)]).get("a")).toHaveLength(1);
  expect(addReports(once, [at("a", 500)]).get("a")).toHaveLength(1);
});

test("rates are per second, and none where a count was reset", () => {
  const reports = [at("a", 0, 10), at("a", 2000, 20), at("a", 3000, 5), at("a", 4000, 6)];
  const rates = ratesOf(reports, ({ stats }) => stats.published);
  expect(rates).toEqual([undefined, 5, undefined, 1]);
});
