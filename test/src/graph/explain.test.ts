import { expect, test } from 'vitest'
import { EXPLAIN_FORMATS, type ExplainedJob, type ExplainedNode, explain } from '../../../src/graph/explain.ts'

function node(name: string, type: string, inputs: readonly string[], more: Partial<ExplainedNode> = {}): ExplainedNode {
  const edges = inputs.map((text) => {
    const [, from = '', output = '', partitioner = 'forward'] = /^(\w+)(?:\[(\w+)\])?(?: (\w+))?$/.exec(text) ?? []
    return { from, output, partitioner: partitioner as 'forward', input: 0 }
  })
  const base = { parallelism: undefined, keyed: false, states: [], boundedness: undefined, guarantee: undefined }
  return { name, kind: 'operator', type, inputs: edges, ...base, ...more }
}

const PLANNED: ExplainedJob = {
  job: 'orders',
  nodes: [
    node('orders', 'sqliteChanges', [], { kind: 'source', boundedness: 'unbounded', parallelism: 2 }),
    node('good', 'split', ['orders']),
    node('customer', 'keyBy', ['good']),
    node('totals', 'process', ['customer hash'], {
      keyed: true,
      states: [
        { name: 'sum', kind: 'value' },
        { name: 'seen', kind: 'map' },
      ],
    }),
    node('report', 'sqliteTable', ['totals'], { kind: 'sink', guarantee: 'upsert' }),
    node('bad', 'print', ['good[rest]'], { kind: 'sink', guarantee: 'at-least-once' }),
  ],
  chains: [
    { nodes: ['orders', 'good', 'customer'], parallelism: 2 },
    { nodes: ['totals', 'report'], parallelism: 1 },
    { nodes: ['bad'], parallelism: 1 },
  ],
}

test('text: chains with their parallelism, state and guarantees', () => {
  expect(explain(PLANNED, 'text')).toBe(`job orders: 6 nodes in 3 chains

┌ orders    sqliteChanges  × 2  unbounded
│ good      split
└ customer  keyBy

┌ totals    process        × 1  from customer (hash)  state: sum (value), seen (map)
└ report    sqliteTable    upsert: the result is as if once, rows may be written again after a crash

  bad       print          × 1  from good[rest]  at least once: may repeat after a crash
`)
})

test('text without a plan: every node by itself', () => {
  const { chains: _, ...unplanned } = PLANNED
  expect(explain(unplanned, 'text')).toContain('  orders    sqliteChanges  × 2  unbounded\n')
  expect(explain(unplanned, 'text')).toContain('  good      split          × default  from orders\n')
})

test('text: in a chain that branches each branch says where it comes from', () => {
  const nodes = [
    node('a', 'source', [], { kind: 'source' }),
    node('b', 'map', ['a']),
    node('o1', 'print', ['b'], { kind: 'sink' }),
    node('c', 'map', ['a']),
    node('o2', 'print', ['c'], { kind: 'sink' }),
  ]
  const chains = [{ nodes: nodes.map(({ name }) => name), parallelism: 1 }]
  expect(explain({ job: 'branches', nodes, chains }, 'text')).toBe(`job branches: 5 nodes in 1 chain

┌ a   source  × 1
│ b   map
│ o1  print
│ c   map     from a
└ o2  print
`)
})

test('DOT', () => {
  expect(explain(PLANNED, 'dot')).toBe(`digraph "orders" {
  rankdir=LR
  node [shape=box, style=rounded, fontname="sans-serif"]
  subgraph cluster_0 {
    style=dashed
    "orders" [label="orders\\nsqliteChanges × 2"]
    "good" [label="good\\nsplit × 2"]
    "customer" [label="customer\\nkeyBy × 2"]
  }
  subgraph cluster_1 {
    style=dashed
    "totals" [label="totals\\nprocess × 1\\nstate: sum, seen"]
    "report" [label="report\\nsqliteTable × 1\\nupsert"]
  }
  "bad" [label="bad\\nprint × 1\\nat-least-once"]
  "orders" -> "good"
  "good" -> "customer"
  "customer" -> "totals" [label="hash"]
  "totals" -> "report"
  "good" -> "bad" [label="rest"]
}
`)
})

test('Mermaid', () => {
  expect(explain(PLANNED, 'mermaid')).toBe(`flowchart LR
  subgraph chain1[" "]
    n0(["orders<br>sqliteChanges × 2"])
    n1["good<br>split × 2"]
    n2["customer<br>keyBy × 2"]
  end
  subgraph chain2[" "]
    n3["totals<br>process × 1<br>state: sum, seen"]
    n4[("report<br>sqliteTable × 1<br>upsert")]
  end
  n5[("bad<br>print × 1<br>at-least-once")]
  n0 --> n1
  n1 --> n2
  n2 -->|hash| n3
  n3 --> n4
  n1 -->|rest| n5
`)
})

test('JSON holds all that was given', () => {
  expect(JSON.parse(explain(PLANNED, 'json'))).toMatchObject({
    job: 'orders',
    nodes: PLANNED.nodes.map(({ name }) => ({ name })),
    chains: PLANNED.chains,
  })
})

test('every format ends with a line break', () => {
  for (const format of EXPLAIN_FORMATS) expect(explain(PLANNED, format).endsWith('\n')).toBe(true)
})
