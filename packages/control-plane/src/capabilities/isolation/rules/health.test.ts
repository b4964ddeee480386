import { expect, test } from 'vitest'
import { connectionsCheck, migrationsCheck, replicationCheck, signingKeysCheck, versionCheck } from './health.ts'

const messages = ({ findings }: { findings: readonly { message: string; severity?: 'warning' }[] }) =>
  findings.map(({ message, severity = 'failure' }) => `${severity}: ${message}`)

test('PostgreSQL 15 to 18 pass; an older one fails, a newer one is a warning', () => {
  expect([15, 16, 17, 18].flatMap((major) => messages(versionCheck({ version: `${major}.1`, major })))).toEqual([])
  expect(messages(versionCheck({ version: '14.9', major: 14 }))).toEqual([expect.stringMatching(/^failure: .*upgrade/)])
  expect(messages(versionCheck({ version: '19.0', major: 19 }))).toEqual([expect.stringMatching(/^warning: .*newer/)])
})

test('a migration that this version does not know is a warning', () => {
  expect(messages(migrationsCheck(['a', 'b', 'c'], ['a', 'b']))).toEqual([expect.stringMatching(/^warning: /)])
})

test('a key that retires with a successor is no finding, and without one it is', () => {
  const old = { kid: 'old', retiresSoon: true, signs: true }
  const next = { kid: 'new', retiresSoon: false, signs: false }
  expect(messages(signingKeysCheck([old, next]))).toEqual([])
  expect(messages(signingKeysCheck([old]))).toEqual([expect.stringMatching(/^warning: .*retire within a week/)])
  expect(messages(signingKeysCheck([]))).toEqual([expect.stringMatching(/^failure: .*does not accept/)])
})

test('a crowded server, a queue for the pool and a limit below it are told of', () => {
  const server = { name: 'tenantry', connections: 81, connectionLimit: 97 }
  const pool = { total: 20, idle: 0, waiting: 3, size: 20 }
  expect(messages(connectionsCheck(server, pool, [{ subject: 'role tenantry_app', limit: 19 }]))).toEqual([
    expect.stringMatching(/^failure: .*19 connections, fewer than one pool may open \(20\)/),
    expect.stringMatching(/^warning: 81 of 97 connections/),
    expect.stringMatching(/^warning: 3 calls wait/),
  ])
  expect(messages(connectionsCheck({ ...server, connections: 40 }, { ...pool, waiting: 0 }, []))).toEqual([])
})

test('a slot that nobody reads is a warning, a standby as the database a failure', () => {
  const primary = { name: 'tenantry', inRecovery: false }
  expect(messages(replicationCheck(primary, [{ name: 'a', active: true, status: 'reserved' }]))).toEqual([])
  const slots = [
    { name: 'b', active: false, status: 'reserved' },
    { name: 'c', active: true, status: 'lost' },
  ]
  expect(messages(replicationCheck(primary, slots))).toEqual([
    expect.stringMatching(/^warning: Nobody reads it/),
    expect.stringMatching(/^warning: It is lost/),
  ])
  expect(messages(replicationCheck({ ...primary, inRecovery: true }, []))).toEqual([
    expect.stringMatching(/^failure: It is a standby/),
  ])
})
