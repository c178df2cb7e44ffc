import { writeFileSync } from "node:fs";

/**
 * Vitest reporter that ends a run with one plain line, `N passed, N failed`.
 *
 * A test file that fails without a failed test (an import error, a broken hook) counts as one failure, and
 * so does every error outside of a test. When DT_TALLY_FILE is set the line goes to that file, because the
 * caller wants to print it itself, after everything else.
 */
export default class TallyReporter {
  #passed = 0;
  #failed = 0;

  onTestRunEnd(modules, unhandledErrors) {
    let passed = 0;
    let failed = unhandledErrors.length;
    for (const module of modules) {
      let failedHere = 0;
      for (const test of module.children.allTests()) {
        const state = test.result().state;
        if (state === "passed") {
          passed += 1;
        } else if (state === "failed") {
          failedHere += 1;
        }
      }
      if (failedHere === 0 && module.state() === "failed") {
        failedHere = 1;
      }
      failed += failedHere;
    }
    this.#passed = passed;
    this.#failed = failed;
  }

  onInit() {
    process.once("exit", () => {
      const line = `${this.#passed} passed, ${this.#failed} failed\n`;
      const file = process.env.DT_TALLY_FILE;
      if (file === undefined) {
        process.stdout.write(line);
      } else {
        writeFileSync(file, line);
      }
    });
  }
}
