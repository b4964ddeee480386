import { Client } from 'pg'
import { expect, inject, test } from 'vitest'

test('every test file may clone the template, and nobody can connect to the template itself', async () => {
  const name = `clone_${crypto.randomUUID().replaceAll('-', '')}`
  const admin = new Client({ connectionString: `${inject('postgresUrl')}/postgres` })
  await admin.connect()
  try {
    await admin.query(`create database ${name} template tenantry_template`)
    await admin.query(`drop database ${name}`)
  } finally {
    await admin.end()
  }

  const intruder = new Client({ connectionString: `${inject('postgresUrl')}/tenantry_template` })
  await expect(intruder.connect()).rejects.toThrow(/not currently accepting connections/)
})
