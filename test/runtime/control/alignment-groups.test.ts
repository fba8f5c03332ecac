import { expect, it } from 'vitest'
import { AlignmentGroups } from '../../../runtime/control/alignment-groups.ts'

const INFINITY = Number.POSITIVE_INFINITY

it('tells how far the slowest of each group is, when that has changed', () => {
  const groups = new AlignmentGroups()
  const report = (group: string, node: string, subtask: number, reached: number): void =>
    groups.report({ group, node, subtask, reached })
  report('g', 'orders', 0, -INFINITY)
  report('g', 'payments', 0, 100)
  report('other', 'clicks', 0, 7)
  expect(groups.takeChanged()).toEqual([
    { group: 'g', least: -INFINITY },
    { group: 'other', least: 7 },
  ])
  report('g', 'payments', 0, 200)
  expect(groups.takeChanged()).toEqual([])
  report('g', 'orders', 0, 150)
  expect(groups.takeChanged()).toEqual([{ group: 'g', least: 150 }])
})

it('I2: who is idle or has ended holds nobody back, and may come back', () => {
  const groups = new AlignmentGroups()
  const report = (node: string, reached: number): void => groups.report({ group: 'g', node, subtask: 0, reached })
  report('a', 10)
  report('b', 20)
  report('a', INFINITY)
  expect(groups.takeChanged()).toEqual([{ group: 'g', least: 20 }])
  report('b', INFINITY)
  expect(groups.takeChanged()).toEqual([{ group: 'g', least: INFINITY }])
  report('a', 30)
  expect(groups.takeChanged()).toEqual([{ group: 'g', least: 30 }])
})
