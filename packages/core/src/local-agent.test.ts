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

test('an agent with another edge port is another agent, one under another address of the server is not', () => {
  const settings = (env: Record<string, string>) => agentSettings(loadConfig(env))
  expect(settings({ EDGE_PORT: '8181' })).not.toBe(settings({}))
  expect(settings({ PORT: '4000', JUANIE_URL: 'https://juanie.example.com' })).toBe(settings({}))
})
