export default {
  none: 'No reports of tests',
  noneText: 'Upload {files} with {action}, and it is shown here.',
  failed: '{count} failed',
  passed: '{count} passed',
  skipped: '{count} skipped',
  coverage: '{percent} % of lines covered',
  flaky: 'flaky: passed elsewhere on this commit',
  allPassed: 'No test failed.',
  unread: 'Not everything could be read',
}
