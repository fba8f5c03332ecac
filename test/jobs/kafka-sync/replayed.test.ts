import { expect, test } from 'vitest'
import { replayed } from './replayed.ts'

const columns = (...names: readonly string[]): string =>
  JSON.stringify({ op: 's', table: 't', key: [], before: null, after: null, columns: names.map((name) => ({ name })) })
const change = (op: string, id: number, before: unknown[] | null, after: unknown[] | null): string =>
  JSON.stringify({ op, table: 't', key: [id], before, after })

test('a row has what its own columns say, wherever later ones have the value', () => {
  const lines = [
    columns('x', 'id', 'v'),
    change('c', 1, null, ['d', 1, 10]),
    change('c', 2, null, ['d', 2, 20]),
    columns('id', 'v'),
    change('u', 2, [2, 20], [2, 21]),
  ]
  expect(replayed(lines, 't', 'v')).toEqual(['10', '21'])
})

test('a change of what is not there, or is otherwise, does not fit', () => {
  const lines = [columns('id', 'v'), change('c', 1, null, [1, 10])]
  expect(() => replayed([...lines, change('c', 1, null, [1, 10])], 't', 'v')).toThrow('does not fit')
  expect(() => replayed([...lines, change('d', 2, [2, 10], null)], 't', 'v')).toThrow('does not fit')
  expect(() => replayed([...lines, change('u', 1, [1, 9], [1, 11])], 't', 'v')).toThrow('does not fit')
})
