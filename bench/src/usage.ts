import { readdirSync, readFileSync } from "node:fs";

/** The resources that a process and its children have used so far. */
export interface Usage {
  readonly cpuSeconds: number;
  readonly rssKb: number;
}

const TICKS_PER_SECOND = 100;

/** Sums over the process and all of its descendants, from /proc. */
export function usageOf(pid: number): Usage {
  let cpuSeconds = 0;
  let rssKb = 0;
  for (const each of [pid, ...descendants(pid)]) {
    const stat = readFileSync(`/proc/${each}/stat`, "utf8");
    // The name, in brackets, may contain spaces.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    cpuSeconds += (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
    rssKb += Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${each}/status`, "utf8"))?.[1]);
  }
  return { cpuSeconds, rssKb };
}

export function descendants(pid: number): number[] {
  const children: number[] = [];
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const text = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
    children.push(...text.split(" ").filter(Boolean).map(Number));
  }
  return children.flatMap((child) => [child, ...descendants(child)]);
}
