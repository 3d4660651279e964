export default {
  text: '所有项目中正在等待的事项及原因、正在进行的事项，以及最近失败的事项。',
  waiting: { title: '等待中', empty: '没有等待的事项：任何启动都会立即开始。' },
  active: { title: '进行中', empty: '没有正在进行的事项。推送或部署开始后会显示在这里。' },
  failed: { title: '最近 30 天失败', empty: '最近 30 天没有失败。' },
}
