import type { InstanceReport } from "../../http/instance-report.ts";

/** The reports of the last minute, by instance. */
export type Histories = ReadonlyMap<string, readonly InstanceReport[]>;

const KEPT = 60;

/** Adds the newest reports. Instances that have none any more are dropped. */
export function addReports(
  histories: Histories,
  reports: readonly InstanceReport[],
): Map<string, readonly InstanceReport[]> {
  return new Map(
    reports.map((report) => {
      const before = histories.get(report.instance) ?? [];
      // The report of another instance may be read twice, or late.
      const isNew = (before.at(-1)?.time ?? 0) < report.time;
      return [report.instance, isNew ? [...before, report].slice(-KEPT) : before] as const;
    }),
  );
}

/** The rate of a count in each report, per second; `undefined` where there is none to compare with. */
export function ratesOf(
  reports: readonly InstanceReport[],
  count: (report: InstanceReport) => number,
): (number | undefined)[] {
  return reports.map((report, index) => {
    const before = reports[index - 1];
    if (!before) return undefined;
    const rate = ((count(report) - count(before)) * 1000) / (report.time - before.time);
    return rate >= 0 ? rate : undefined;
  });
}

/** A name for people: the host and the process, or the id where the runtime knows neither. */
export function nameOf({ process, instance }: InstanceReport): string {
  return process.pid > 0 ? `${process.host || "process"} · ${process.pid}` : instance;
}
