#!/usr/bin/env node
// Draws what a program printed as a picture of a terminal, for the README:
//
//   npm run --silent demo | node scripts/picture.mjs 'npm run demo' docs/images/demo.svg
import { writeFileSync } from 'node:fs'

const [command, file] = process.argv.slice(2)
if (!command || !file) {
  console.error(
    "Give the command as it is typed and the file to write: node scripts/picture.mjs 'npm run demo' FILE.svg",
  )
  process.exit(2)
}

let text = ''
for await (const chunk of process.stdin.setEncoding('utf8')) {
  process.stdout.write(chunk)
  text += chunk
}

const lines = [`$ ${command}`, ...text.trimEnd().split('\n')]
const character = { width: 7.85, height: 19 }
const columns = Math.max(...lines.map((line) => [...line].length))
const width = Math.ceil(columns * character.width + 48)
const height = Math.ceil(lines.length * character.height + 64)

const escaped = (line) => line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

function classOf(line) {
  if (line.startsWith('$ ')) return 'command'
  if (line.startsWith('▸ ')) return 'stage'
  if (/^\s+✓ /.test(line)) return 'good'
  if (/^\s+(remote:|http)/.test(line)) return 'dim'
  return ''
}

const rows = lines.map((line, index) => {
  const name = classOf(line)
  return `<text x="24" y="${56 + index * character.height}"${name && ` class="${name}"`}>${escaped(line)}</text>`
})

writeFileSync(
  file,
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(command)} in a terminal">
<style>
.window { fill: #ffffff; stroke: #d0d7de }
.knob { fill: #d0d7de }
text { fill: #1f2328; font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; white-space: pre }
.command, .stage { font-weight: 700 }
.stage { fill: #0969da }
.good { fill: #1a7f37 }
.dim { fill: #57606a }
@media (prefers-color-scheme: dark) {
.window { fill: #0d1117; stroke: #30363d }
.knob { fill: #30363d }
text { fill: #e6edf3 }
.stage { fill: #58a6ff }
.good { fill: #3fb950 }
.dim { fill: #9da7b3 }
}
</style>
<rect class="window" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="10"/>
<circle class="knob" cx="24" cy="20" r="5"/><circle class="knob" cx="42" cy="20" r="5"/><circle class="knob" cx="60" cy="20" r="5"/>
${rows.join('\n')}
</svg>
`,
)
