import { expect, test } from 'vitest'
import { ByteWriter } from '../../../runtime/state/byte-writer.ts'
import { KeyEntry } from '../../../runtime/state/key-entry.ts'
import { writeMainRowKey } from '../../../runtime/state/row-key.ts'
import { inRowOrder, ORDERED_MAX } from '../../../runtime/state/row-order.ts'
import type { Key } from '../../../src/util/key-group.ts'

function rowKey(key: Key, keyGroups: number): Buffer {
  const out = new ByteWriter()
  writeMainRowKey(key, keyGroups, out)
  return out.copy()
}

test.each([1, 128, 32_768])(
  'as many entries as may be ordered at once come once each, by key group and number, of %i groups',
  (keyGroups) => {
    const entries = Array.from({ length: ORDERED_MAX }, (_, i) => new KeyEntry(Math.imul(i, 0x9e3779b1) & ~255))
    const ordered = inRowOrder(entries, keyGroups)
    expect(new Set(ordered)).toEqual(new Set(entries))
    const rows = ordered.map(({ key }) => rowKey(key, keyGroups))
    for (let i = 1; i < rows.length; i++)
      expect(Buffer.compare(rows[i - 1] as Buffer, rows[i] as Buffer)).toBeLessThanOrEqual(0)
  },
)

test('keys of any kind are kept', () => {
  const keys: Key[] = ['', 'ab', 'abc', '\ud800\udfff!', 1.5, -1, 2 ** 40, 7n, true, ['a', 1]]
  const entries = keys.map((key) => new KeyEntry(key))
  expect(new Set(inRowOrder(entries, 128))).toEqual(new Set(entries))
})
