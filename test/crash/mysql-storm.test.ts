// MILLRACE_SEED=17 repeats one storm.

import { expect, it } from 'vitest'
import { describeServers } from '../support/mysql-servers.ts'
import { storm } from './mysql-storm.ts'

const full = process.env.MILLRACE_FULL === '1'
const given = process.env.MILLRACE_SEED
const seeds = given === undefined ? Array.from({ length: full ? 50 : 2 }, (_, index) => index + 1) : [Number(given)]

describeServers('a database that is worked on, copied by a job that is killed', ['mysql', 'mariadb'], (server) => {
  it.each(seeds)('ends equal (seed %i)', { timeout: 180_000 }, async (seed) => {
    expect(await storm({ server, seed, kills: full ? 5 : 3, transactions: full ? 600 : 240 })).toBe('')
  })
})
