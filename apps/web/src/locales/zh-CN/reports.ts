export default {
  none: '没有测试报告',
  noneText: '用 {action} 上传 {files} 后会显示在这里。',
  failed: '{count} 个失败',
  passed: '{count} 个通过',
  skipped: '{count} 个跳过',
  coverage: '行覆盖率 {percent}%',
  flaky: '不稳定：在同一提交的其他运行中通过',
  allPassed: '没有失败的测试。',
  unread: '部分内容无法读取',
}
