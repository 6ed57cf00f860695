import { readFileSync } from "node:fs";
import { descendants } from "./usage.ts";

export interface MemoryUse {
  /** Of a process and its descendants; pages that several share are counted once (PSS). */
  readonly processKb: number;
  /** Of the kernel: its slabs, and the buffers of TCP. Both ends of each connection are on this machine. */
  readonly kernelKb: number;
}

const PAGE_KB = 4;

export function memoryOf(pid: number): MemoryUse {
  let processKb = 0;
  for (const each of [pid, ...descendants(pid)]) {
    processKb += kb(readFileSync(`/proc/${each}/smaps_rollup`, "utf8"), "Pss");
  }
  const slabKb = kb(readFileSync("/proc/meminfo", "utf8"), "Slab");
  const tcpPages = /^TCP:.* mem (\d+)/m.exec(readFileSync("/proc/net/sockstat", "utf8"))?.[1];
  return { processKb, kernelKb: slabKb + Number(tcpPages ?? 0) * PAGE_KB };
}

function kb(text: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
}
