/** A vitest reporter that closes with the one plain line `N passed, N failed, N skipped`. */
export default class ClosingLine {
  onTestRunEnd(modules, errors) {
    const count = { passed: 0, failed: errors.length, skipped: 0 };
    for (const module of modules) {
      let any = false;
      for (const test of module.children.allTests()) {
        any = true;
        const state = test.result().state;
        count[state === "passed" ? "passed" : state === "failed" ? "failed" : "skipped"]++;
      }
      if (!any && module.state() === "failed") count.failed++;
    }
    process.on("exit", () => console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`));
  }
}
