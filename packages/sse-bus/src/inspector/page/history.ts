import type { InstanceReport } from "../../http/instance-report.ts";

/** The reports of an instance in the last minute. */
export interface ReportHistory {
  readonly reports: readonly InstanceReport[];
  /** When the last one of them was read, in ms since 1970. */
  readonly readAt: number;
}

/** By instance. */
export type Histories = ReadonlyMap<string, ReportHistory>;

const KEPT = 60;
/** An answer may lack an instance: the one that answers learns of the others only when it is first asked. */
const DROPPED_AFTER_MS = 8000;

/** Adds the reports of an answer. Instances without a new one for a while are dropped. */
export function addReports(
  histories: Histories,
  reports: readonly InstanceReport[],
  now: number,
): Map<string, ReportHistory> {
  const all = new Map(histories);
  for (const report of reports) {
    const { reports: before = [] } = all.get(report.instance) ?? {};
    // The report of another instance may be read twice, or late.
    if ((before.at(-1)?.time ?? 0) >= report.time) continue;
    all.set(report.instance, { reports: [...before, report].slice(-KEPT), readAt: now });
  }
  for (const [instance, { readAt }] of all)
    if (now - readAt > DROPPED_AFTER_MS) all.delete(instance);
  return all;
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
