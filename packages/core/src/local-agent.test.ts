import { expect, test } from 'vitest'
import { loadConfig } from './config.ts'
import { agentEnvironment, agentSettings } from './local-agent.ts'

test('the agent gets the settings that it works by and no secret of the server', () => {
  const env = {
    PATH: '/usr/bin',
    EDGE_PORT: '8181',
    JUANIE_AGENT_JOBS: '3',
    JUANIE_MASTER_KEY: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
    JUANIE_ADMIN_EMAIL: 'ada@example.com',
    JUANIE_ADMIN_PASSWORD: 'hunter2hunter2',
    DATABASE_URL: 'postgres://u:hunter2@h/d',
    REDIS_URL: 'redis://:hunter2@h',
    JUANIE_METRICS_TOKEN: 'hunter2hunter2hunter2',
    AWS_SECRET_ACCESS_KEY: 'hunter2',
    JUANIE_HOME: '/srv/home',
    JUANIE_ROOT: '/opt/juanie',
  }
  expect(agentEnvironment(env, loadConfig(env))).toEqual({
    PATH: '/usr/bin',
    EDGE_PORT: '8181',
    JUANIE_AGENT_JOBS: '3',
    JUANIE_HOME: '/srv/home',
    JUANIE_ROOT: '/opt/juanie',
  })
})

test('the agent gets what jobs are to get, and is another one when that changes', () => {
  const env = { JUANIE_JOB_ENV: 'CARGO_NET_OFFLINE, NOT_SET', CARGO_NET_OFFLINE: 'true', SECRET: 'hunter2' }
  expect(agentEnvironment(env, loadConfig({ ...env, JUANIE_HOME: '/srv/home', JUANIE_ROOT: '/opt/juanie' }))).toEqual({
    JUANIE_JOB_ENV: 'CARGO_NET_OFFLINE, NOT_SET',
    CARGO_NET_OFFLINE: 'true',
    JUANIE_HOME: '/srv/home',
    JUANIE_ROOT: '/opt/juanie',
  })
  const settings = (env: Record<string, string>) => agentSettings(loadConfig(env))
  expect(settings({ ...env, CARGO_NET_OFFLINE: 'false' })).not.toBe(settings(env))
  for (const name of ['PATH', 'JUANIE_MASTER_KEY', 'DATABASE_URL', 'GITHUB_TOKEN', 'a b'])
    expect(() => loadConfig({ JUANIE_JOB_ENV: name })).toThrow(name)
})

test('an agent with another edge port is another agent, one under another address of the server is not', () => {
  const settings = (env: Record<string, string>) => agentSettings(loadConfig(env))
  expect(settings({ EDGE_PORT: '8181' })).not.toBe(settings({}))
  expect(settings({ PORT: '4000', JUANIE_URL: 'https://juanie.example.com' })).toBe(settings({}))
})
