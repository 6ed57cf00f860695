import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { resultsFolder } from "./paths.ts";
import { median } from "./statistics.ts";
import type { Figures } from "./subject.ts";

/** One measurement. */
export interface Sample {
  readonly workload: string;
  readonly subject: string;
  readonly round: number;
  readonly seconds: number;
  readonly figures?: Figures;
  /** The reason for no figures. */
  readonly error?: string;
}

/** The results of a run, as stored in `results/<name>.json`. */
export interface Results {
  readonly name: string;
  readonly startedAt: string;
  seconds: number;
  /** Whether everything requested has run. */
  isFinished: boolean;
  /** Whether it has all subjects and workloads at full size, as in `docs/performance.md`. */
  readonly isWhole: boolean;
  readonly rounds: number;
  readonly machine: Record<string, string | number>;
  /** Subjects that are not available, and cases without time. */
  readonly skipped: string[];
  readonly samples: Sample[];
  /** By workload, then subject. */
  medians: Record<string, Record<string, Figures>>;
}

export function updateMedians(results: Results): void {
  const medians: Results["medians"] = {};
  for (const { workload, subject } of results.samples) {
    const samples = figuresOf(results, workload, subject);
    const names = new Set(samples.flatMap(({ figures }) => Object.keys(figures)));
    if (names.size === 0) continue;
    const own: Figures = {};
    for (const name of names) {
      own[name] = rounded(median(samples.flatMap(({ figures }) => figures[name] ?? [])));
    }
    (medians[workload] ??= {})[subject] = own;
  }
  results.medians = medians;
}

/** The rounds of a case with figures. */
export function figuresOf(
  { samples }: Results,
  workload: string,
  subject: string,
): { readonly round: number; readonly figures: Figures }[] {
  return samples.flatMap(({ workload: of, subject: by, round, figures }) =>
    of === workload && by === subject && figures ? [{ round, figures }] : [],
  );
}

export function fileOf(name: string, extension: string): string {
  return join(resultsFolder, `${name}.${extension}`);
}

/** Writes atomically, so that an interrupted run leaves no partial file. */
export function writeResults(results: Results): void {
  mkdirSync(resultsFolder, { recursive: true });
  const file = fileOf(results.name, "json");
  writeFileSync(`${file}.new`, `${JSON.stringify(results, undefined, 2)}\n`);
  renameSync(`${file}.new`, file);
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
