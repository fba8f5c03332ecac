import { join } from 'node:path'
import { concat, filter, firstValueFrom, NEVER } from 'rxjs'
import { afterEach, describe, expect, it } from 'vitest'
import { run } from '../../../../../runtime/index.ts'
import { relaySink } from '../../../../../src/connectors/relay/index.ts'
import { fromObservable, job } from '../../../../../src/index.ts'
import { armFailpoints, type Failpoint } from '../../../../../src/util/failpoint.ts'
import { seededRng } from '../../../../../src/util/rng.ts'
import {
  faultsOf,
  type Numbered,
  numbered,
  RelaySites,
  type RelaySitesOptions,
} from '../../../../support/relay-sites.ts'

const full = process.env.MILLRACE_FULL === '1'
const opened: RelaySites[] = []

async function sites(options?: RelaySitesOptions): Promise<RelaySites> {
  const made = await RelaySites.open(options)
  opened.push(made)
  return made
}

afterEach(async () => {
  armFailpoints(undefined)
  for (const one of opened.splice(0)) await one.close()
})

const timeout = full ? 600_000 : 300_000

describe('records that go over a line', { timeout }, () => {
  it.each([1, 3])('arrive once and in order, at parallelism %i', async (parallelism) => {
    const here = await sites()
    here.receive({ parallelism })
    const sent = numbered(1_000, 5)
    expect(await here.send(here.sending(sent))).toMatchObject({ state: 'finished' })
    const { state, metrics } = await here.settle(sent.length)
    expect(state).toBe('stopped')
    expect(faultsOf(here.arrived, sent)).toBe('')
    const line = metrics.find(({ node }) => node === 'line')
    expect(line?.counters).toMatchObject({ batchesReceived: expect.any(Number) })
    expect(Object.keys(line?.gauges ?? {})).toEqual(
      expect.arrayContaining(['backlogRecords', 'backlogBytes', 'lagMs', 'connections']),
    )
  })

  it('are counted by stream while the streams are open', async () => {
    const here = await sites()
    const names = [0, 1, 2].map((i) => `receivedSequence{south/open/line,s${i}}`)
    const shown = firstValueFrom(
      here
        .receive()
        .metrics$.pipe(filter((nodes) => names.every((name) => nodes.some(({ gauges }) => name in gauges)))),
    )
    const open = job('open', (flow) => {
      flow
        .from(
          'values',
          fromObservable(() => concat(numbered(9), NEVER), { log: true }),
        )
        .to(
          'line',
          relaySink<Numbered>({
            site: 'south',
            targets: `127.0.0.1:${here.proxy.port}`,
            stream: ({ stream }) => stream,
          }),
        )
    })
    const sending = run(open, { dataDir: join(here.folder, 'south'), checkpoint: { intervalMs: 20 } })
    await shown
    await here.settle(9)
    expect((await sending.cancel()).failure).toBeUndefined()
  })

  it('arrive once and in order when the queue was full for longer than checkpoints may take', async () => {
    const here = await sites()
    const sent = numbered(6_000, 2)
    const seen = new Map<Numbered, number>()
    const stream = (value: Numbered): string => {
      seen.set(value, (seen.get(value) ?? 0) + 1)
      return value.stream
    }
    const sending = here.send(here.sending(sent, 'sending', { stream, queueBytesMax: 65_536, batchRecords: 100 }), {
      checkpoint: { intervalMs: 20, timeoutMs: 500 },
      recordsPerCheckpoint: 500,
    })
    // What waits for room comes again with each restart.
    while (![...seen.values()].some((times) => times > 3)) await new Promise((resolve) => setTimeout(resolve, 5))
    here.receive()
    expect((await sending).state).toBe('finished')
    await here.settle(sent.length)
    expect(faultsOf(here.arrived, sent)).toBe('')
  })

  it('arrive once and in order while the line is reset again and again', async () => {
    const here = await sites()
    here.receive({ parallelism: 2 })
    const rng = seededRng(5)
    const sent: Numbered[] = []
    const resetsMin = full ? 40 : 4
    let resets = 0
    let over = false
    const breaking = (async () => {
      while (!over) {
        await new Promise((resolve) => setTimeout(resolve, rng.int(25)))
        if (here.proxy.open === 0) continue
        // Within what the receiver says, or at once.
        if (rng.int(2) === 0) here.proxy.set({ resetAfterBytes: 100 + rng.int(2_000) })
        else here.proxy.cut()
        resets += 1
      }
      here.proxy.set()
    })()
    // Life after life of the sender, until that was often enough.
    while (resets < resetsMin) {
      const more = numbered(full ? 5_000 : 1_500, 4, `life-${sent.length}`)
      const { state } = await here.send(here.sending(more, 'sending', { batchRecords: 3 }), { fresh: sent.length > 0 })
      expect(state).toBe('finished')
      sent.push(...more)
    }
    over = true
    await breaking
    await here.settle(sent.length)
    expect(faultsOf(here.arrived, sent)).toBe('')
  })

  it('arrive though the queue holds but a part of them', async () => {
    const here = await sites({ source: { queueBytesMax: 1 << 20, frameBytesMax: 65_536, keepBytes: 0 } })
    here.receive()
    const sent = numbered(1_500, 2, 'x'.repeat(8_000))
    const sending = here.sending(sent, 'sending', { batchBytes: 32_768, frameBytesMax: 65_536, compression: 'none' })
    expect(await here.send(sending, { recordsPerCheckpoint: 500 })).toMatchObject({ state: 'finished' })
    await here.settle(sent.length)
    expect(faultsOf(here.arrived, sent)).toBe('')
  })

  it('arrive from several senders, to one receiver', async () => {
    const here = await sites()
    here.receive({ parallelism: 2 })
    const all = ['a', 'b', 'c'].map((name) => ({ name, values: numbered(300, 2, name) }))
    const results = await Promise.all(
      all.map(({ name, values }) => here.send(here.sending(values, name), { dataDir: join(here.folder, name) })),
    )
    expect(results.map(({ state }) => state)).toEqual(['finished', 'finished', 'finished'])
    const sent = all.flatMap(({ values }) => values)
    await here.settle(sent.length)
    expect(faultsOf(here.arrived, sent)).toBe('')
  })

  it('arrive at every target, though one is down for a while', async () => {
    const [one, two, three] = [await sites(), await sites(), await sites()]
    one.receive()
    two.receive()
    const sent = numbered(600, 3)
    const port = ({ proxy }: RelaySites): string => `127.0.0.1:${proxy.port}`
    const targets = { one: port(one), two: port(two), three: port(three) }
    const sending = one.send(one.sending(sent, 'sending', { targets }))
    await Promise.all([one.settle(sent.length), two.settle(sent.length)])
    expect(three.arrived).toEqual([])
    three.receive()
    await three.settle(sent.length)
    expect((await sending).state).toBe('finished')
    for (const { arrived } of [one, two, three]) expect(faultsOf(arrived, sent)).toBe('')
  })

  it('arrive once while the receiving job is stopped and started, at other parallelisms', async () => {
    const here = await sites({ source: { keepBytes: 0 } })
    const sent = numbered(1_200, 6)
    const sending = here.send(here.sending(sent))
    for (const [i, parallelism] of [1, 3, 2, 1].entries()) {
      here.receive({ parallelism })
      expect(await here.settle((sent.length / 4) * (i + 1))).toMatchObject({ state: 'stopped' })
    }
    expect((await sending).state).toBe('finished')
    expect(faultsOf(here.arrived, sent)).toBe('')
  })

  it('arrive again, and what came since, when the receiving job goes back', async () => {
    const here = await sites()
    const sent = numbered(600, 2)
    const first = here.receive({ checkpoint: { intervalMs: 20, retain: 1_000 } })
    const { id: early } = await firstValueFrom(first.checkpoints$.pipe(filter(({ status }) => status === 'complete')))
    await here.send(here.sending(sent.slice(0, 300)))
    await here.settle(300)
    // Nothing had arrived by then: the sink takes it all back.
    here.receive({ fromCheckpoint: early, parallelism: 3 })
    await here.settle(300)
    expect(faultsOf(here.arrived, sent.slice(0, 300))).toBe('')
  })

  it('of a sender that starts afresh come behind all of what it had sent', async () => {
    const here = await sites()
    const [older, newer] = [numbered(300, 3, 'older'), numbered(300, 3, 'newer')]
    here.receive({ parallelism: 2 })
    await here.send(here.sending(older))
    await here.send(here.sending(newer), { fresh: true })
    await here.settle(600)
    expect(faultsOf(here.arrived, [...older, ...newer])).toBe('')
    for (const stream of ['s0', 's1', 's2'])
      expect(here.arrived.filter((one) => one.stream === stream).map(({ from }) => from)).toEqual([
        ...Array<string>(100).fill('older'),
        ...Array<string>(100).fill('newer'),
      ])
  })
})

describe('a receiving job that fails at', { timeout }, () => {
  const STEPS: readonly Failpoint[] = [
    'relay.claim.before',
    'relay.claim.after',
    'relay.receive.synced',
    'relay.ack.before',
    'source.barrier.before',
    'source.barrier.after',
    'sink.prepare.after',
    'sink.commit.after',
    'restore.commit.before',
  ]

  /** Where a sender comes in, the sender alone is turned away. */
  const FAILING = new Set<Failpoint>(['relay.receive.synced', 'relay.ack.before'])

  it.each(STEPS)('%s goes on as if it had not', async (step) => {
    const here = await sites({ source: { keepBytes: 0 } })
    const sent = numbered(300, 3)
    // The sending job passes some of these steps, too, and goes on as well.
    const sending = here.send(here.sending(sent))
    armFailpoints(`${step}:throw,${step}:throw@3`)
    here.receive({ parallelism: 2 })
    expect((await sending).state).toBe('finished')
    const { attempts } = await here.settle(sent.length)
    if (FAILING.has(step)) expect(attempts).toBeGreaterThan(1)
    expect(faultsOf(here.arrived, sent)).toBe('')
  })

  it('relay.remove.middle goes on as if it had not', async () => {
    const here = await sites({ source: { keepBytes: 0 } })
    here.receive()
    armFailpoints('relay.remove.middle:throw')
    const lives = ['a', 'b', 'c'].map((name) => numbered(60, 3, name))
    for (const [i, values] of lives.entries()) await here.send(here.sending(values), { fresh: i > 0 })
    expect((await here.settle(180)).attempts).toBeGreaterThan(1)
    expect(faultsOf(here.arrived, lives.flat())).toBe('')
  })
})
