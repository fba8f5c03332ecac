import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'libsql'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { ColumnType } from '../../../jobs/files-to-table/column-type.ts'
import { fileOptions, parseTypes } from '../../../jobs/files-to-table/file-options.ts'
import { TargetTable } from '../../../jobs/files-to-table/target-table.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-target-'))
})
afterEach(() => rm(root, { recursive: true }))

async function tableFor(name: string, text: string, key: string[] = [], types = ''): Promise<TargetTable> {
  await writeFile(join(root, name), text)
  const target = new TargetTable({ file: join(root, 'deep', 't.db'), table: 'odd "table"', key })
  await target.create(options(join(root, name)), parseTypes(types === '' ? [] : types.split(',')))
  return target
}

const options = (from: string): ReturnType<typeof fileOptions> =>
  fileOptions({ from, format: '', delimiter: '', pad: false })

function columns(): [string, ColumnType][] {
  const db = new Database(join(root, 'deep', 't.db'))
  const found = db.prepare('SELECT name, type FROM pragma_table_info(?)').all('odd "table"')
  db.close()
  return (found as { name: string; type: ColumnType }[]).map(({ name, type }) => [name, type])
}

describe('TargetTable', () => {
  it('infers columns from a sample and converts rows by them', async () => {
    const target = await tableFor('a.csv', 'id,zip,"odd ""name""",empty,ratio\n1,01234,x,,1\n2,5,,,2.5\n', ['id'])
    expect(columns()).toEqual([
      ['id', 'INTEGER'],
      ['zip', 'TEXT'],
      ['odd "name"', 'TEXT'],
      ['empty', 'TEXT'],
      ['ratio', 'REAL'],
    ])
    const row = target.parse({ id: '7', zip: '1', 'odd "name"': 'y', empty: '', ratio: '' })
    expect(row).toEqual({ id: 7, zip: '1', 'odd "name"': 'y', empty: '', ratio: null })
  })

  it('takes types as given before those it would infer', async () => {
    await tableFor('a.ndjson', '{"a":1,"b":true}\n{"b":null,"c":[1]}\n', [], 'a:text,d:real')
    expect(columns()).toEqual([
      ['a', 'TEXT'],
      ['b', 'INTEGER'],
      ['c', 'TEXT'],
      ['d', 'REAL'],
    ])
  })

  it('goes by the table that is there, whatever the files look like by now', async () => {
    await tableFor('a.csv', 'a\n1\n')
    const target = await tableFor('a.csv', 'a\nx\n')
    expect(columns()).toEqual([['a', 'INTEGER']])
    expect(() => target.parse({ a: 'x' })).toThrow('column "a" is integer and cannot hold "x"')
    expect(() => target.parse({ b: '1' })).toThrow('no column "b"')
    expect(() => target.parse([1])).toThrow('expected an object')
  })

  it('refuses rows without their key, keys that are no columns, and files that say nothing', async () => {
    const target = await tableFor('a.csv', 'a,b\n1,2\n', ['a'])
    expect(() => target.parse({ a: '', b: '1' })).toThrow('key column "a" is empty')
    await rm(join(root, 'deep'), { recursive: true })
    await expect(tableFor('a.csv', 'a\n1\n', ['z'])).rejects.toMatchObject({ code: 'SETTING_INVALID' })
    await expect(tableFor('a.csv', '')).rejects.toMatchObject({ code: 'SETTING_INVALID' })
  })
})

describe('fileOptions', () => {
  it('goes by the name unless told', () => {
    expect(options('x/*.jsonl.gz')).toMatchObject({ format: 'ndjson' })
    expect(options('x.tsv')).toMatchObject({ format: 'csv', csv: { delimiter: '\t' } })
    expect(fileOptions({ from: 'x', format: 'csv', delimiter: 'tab', pad: true })).toMatchObject({
      csv: { delimiter: '\t', pad: true },
    })
    expect(() => options('x/*')).toThrow(expect.objectContaining({ code: 'SETTING_INVALID' }))
  })
})

describe('parseTypes', () => {
  it('takes names with colons, and refuses types it does not know', () => {
    expect(parseTypes(['a:b:integer'])).toEqual(new Map([['a:b', 'integer']]))
    expect(() => parseTypes(['a:date'])).toThrow(expect.objectContaining({ code: 'SETTING_INVALID' }))
  })
})
