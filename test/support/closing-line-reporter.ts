import type { SerializedError } from "vitest";
import type { Reporter, TestModule } from "vitest/node";

/**
 * Prints `N passed, N failed` alone on the last line of a run, so that a reader of a CI log (or a
 * script) can tell that tests ran and how they ended, without knowing this runner's own summary.
 *
 * A file that could not be loaded and an error outside of any test count as failed.
 */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(files: readonly TestModule[], errors: readonly SerializedError[]): void {
    let passed = 0;
    let failed = errors.length;
    for (const file of files) {
      failed += file.errors().length;
      for (const test of file.children.allTests()) {
        const { state } = test.result();
        if (state === "passed") passed += 1;
        // A test still pending when the run ends was interrupted and must not count as passed.
        else if (state !== "skipped") failed += 1;
      }
    }
    process.stdout.write(`${passed} passed, ${failed} failed\n`);
  }
}
