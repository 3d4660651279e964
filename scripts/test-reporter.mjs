// Says loudly what was skipped and why, and writes how many tests there were where the runner asked for it.
import { writeFileSync } from 'node:fs'

export default class CountingReporter {
  #counts
  #isFiltered = false

  constructor({ counts } = {}) {
    this.#counts = counts
  }

  onInit(vitest) {
    this.#isFiltered = Boolean(vitest.config.testNamePattern)
  }

  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, skippedTests: [] }
    for (const module of modules) {
      if (module.state() === 'failed' && [...module.children.allTests()].length === 0) counts.failed++
      for (const test of module.children.allTests()) {
        const { state, note } = test.result()
        if (state === 'passed' || state === 'failed') counts[state]++
        else {
          counts.skipped++
          counts.skippedTests.push({ file: module.relativeModuleId, name: test.fullName, reason: note ?? null })
        }
      }
    }
    // With -t everything else counts as skipped, which is no news.
    if (counts.skipped > 0 && !this.#isFiltered) {
      console.log(
        `\n!! SKIPPED ${counts.skipped} TEST${counts.skipped > 1 ? 'S' : ''}, because this machine lacks what they need:`,
      )
      for (const { file, name, reason } of counts.skippedTests) {
        console.log(`!!   ${file} > ${name}${reason ? `\n!!     ${reason}` : ''}`)
      }
    }
    if (this.#counts) writeFileSync(this.#counts, `${JSON.stringify(counts, null, 2)}\n`)
  }
}
