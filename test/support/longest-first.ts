import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * The files that take longest, the longest first: parts of their paths. A long file that starts last
 * runs alone, while the other cores have nothing to do. Files with browsers are not here: they need a
 * processor for themselves, and wait too long where three of them run at once.
 */
const LONGEST = [
  "test/versions/unit",
  "test/package/foreign-app",
  "test/take-over/take-over",
  "test/backends/postgres-conformance",
  "test/backends/redis-conformance",
  "test/versions/next-",
  "test/backends/nats-conformance",
  "src/client/client",
  "test/backends/folder-log",
  "src/core/wide-pattern",
  "src/http/leaks",
  "src/hub/worker-backend",
  "test/backends/broken-backends",
  "src/client/tabs",
  "src/http/stream-presence",
  "src/core/",
];

/** Runs the docs first, because they take seconds, then the longest files. A class, because Vitest calls `new`. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- a sequencer's method, which returns a new array
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ project, moduleId }: TestSpecification): number {
  if (project.name === "docs") return -1;
  const index = LONGEST.findIndex((part) => moduleId.includes(part));
  return index < 0 ? LONGEST.length : index;
}
