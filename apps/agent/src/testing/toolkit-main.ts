import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as core from '@actions/core'
import * as exec from '@actions/exec'
import * as glob from '@actions/glob'
import * as tools from '@actions/tool-cache'

/** The main script of an action, as its authors write it; tests bundle it into one file. */
async function run() {
  core.info(`wants ${core.getInput('node-version', { required: true })} ${core.getBooleanInput('is it')}`)
  core.setSecret('very-hidden-value')
  core.info('very-hidden-value')
  core.startGroup('found')
  const globber = await glob.create('**/*.txt')
  core.info((await globber.glob()).map((path) => path.slice(process.env.GITHUB_WORKSPACE!.length)).join())
  core.endGroup()
  const { stdout } = await exec.getExecOutput('sh', ['-c', 'echo "$(basename "$PWD")"'], { silent: true })
  core.setOutput('folder', stdout.trim())
  core.exportVariable('CARRIED', 'a\nb')
  const known = tools.find('thing', '1.x')
  const made = join(process.env.RUNNER_TEMP!, 'thing')
  writeFileSync(made, `#!/bin/sh\necho a thing from ${known ? 'the cache' : 'scratch'}\n`)
  chmodSync(made, 0o755)
  core.addPath(known || (await tools.cacheFile(made, 'thing', 'thing', '1.2.3')))
  core.saveState('main', { seen: true })
  await core.summary.addHeading('Done').write()
  core.warning('careful', { file: 'x.txt', startLine: 3 })
  if (core.getInput('fail')) core.setFailed('as asked')
}
run()
