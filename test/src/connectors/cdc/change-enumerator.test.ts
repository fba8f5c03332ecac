import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { expect, it } from 'vitest'
import { sqliteChanges } from '../../../../src/connectors/sqlite/index.ts'
import { runtimeContext } from '../../../support/runtime-context.ts'

it('says once that no table is as asked for, and again when the last one has gone', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'enumerator-'))
  const file = join(folder, 'shop.db')
  const database = new Database(file)
  database.exec('CREATE TABLE orders (id INTEGER PRIMARY KEY)')
  const logged: string[] = []
  const nothing = (): void => undefined
  const context = {
    ...runtimeContext({ logged, directory: folder }),
    ...{ assign: nothing, noMoreSplits: nothing, send: nothing, requestCheckpoint: nothing, reportProgress: nothing },
    ...{ restored: undefined, state: { register: () => ({ entries: () => [], set: nothing, delete: nothing }) } },
  }
  const source = sqliteChanges({ file, tables: ['ordres'] })
  const enumerator = source.createEnumerator(context as never)
  await enumerator.start()
  const look = () => enumerator.onReaderEvent?.(0, { type: 'tick' })
  const told = () => logged.filter((line) => line.startsWith('no table is as')).length
  await look()
  expect(told()).toBe(1)
  database.exec('CREATE TABLE ordres (id INTEGER PRIMARY KEY)')
  await look()
  expect(logged).toContain('tables found')
  database.exec('DROP TABLE ordres')
  await look()
  expect(told()).toBe(2)
  await enumerator.close?.()
  database.close()
  rmSync(folder, { recursive: true })
})
