import { afterEach, describe, expect, it } from 'vitest'
import { ReceiverWorld } from './receiver-world.ts'
import { incarnation, TestSender } from './test-sender.ts'

const worlds: ReceiverWorld[] = []

async function world(): Promise<ReceiverWorld> {
  const made = await ReceiverWorld.start()
  worlds.push(made)
  return made
}

afterEach(async () => {
  for (const one of worlds.splice(0)) await one.dispose()
})

const refused = async (connecting: Promise<TestSender>, code: string): Promise<void> => {
  await expect(connecting).rejects.toMatchObject({ code })
}

describe('of a sender', () => {
  it('one copy of it alone goes on, whatever sessions the others have', async () => {
    const here = await world()
    const first = await TestSender.connect(here.port)
    await first.begin()
    const { token } = first.welcome
    for (const tokens of [[], [''], ['another']])
      await refused(TestSender.connect(here.port, { session: 100, tokens }), 'FENCED')
    // What a Welcome gave may never have come: until it is used the one before counts.
    const lost = await TestSender.connect(here.port, { session: 2, tokens: ['older', token] })
    expect(lost.welcome.token).not.toBe(token)
    await here.restart()
    const second = await TestSender.connect(here.port, { session: 3, tokens: [token] })
    await second.begin()
    await refused(TestSender.connect(here.port, { session: 100, tokens: [token] }), 'FENCED')
    await here.restart()
    await refused(TestSender.connect(here.port, { session: 100, tokens: [token] }), 'FENCED')
    await refused(TestSender.connect(here.port, { session: 100, tokens: [lost.welcome.token] }), 'FENCED')
    const again = await TestSender.connect(here.port, { session: 3, tokens: [second.welcome.token] })
    expect(again.welcome.token).toBe(second.welcome.token)
    await again.begin()
  })

  it('a new incarnation does not bring again what the one before has brought of what is common to both', async () => {
    const here = await world()
    const first = await TestSender.connect(here.port)
    expect([...first.welcome.former]).toEqual([])
    for (const [stream, name] of [
      [1, 'main'],
      [2, 'other'],
    ] as const)
      await first.begin(name, { stream })
    for (const stream of [1, 2]) for (let i = 0; i < 10; i += 1) first.send(i, [i], { stream })
    await first.acked(10, 1)
    await first.acked(10, 2)
    const second = await TestSender.connect(here.port, { incarnation: incarnation(2) })
    expect([...second.welcome.former]).toEqual([...incarnation(1)])
    expect(await second.begin('main', { first: 2, common: 8 })).toMatchObject({ next: 8 })
    expect(await second.begin('other', { stream: 2, common: 15 })).toMatchObject({ next: 10 })
    expect(await second.begin('new', { stream: 3, first: 1, common: 4 })).toMatchObject({ next: 1 })
    second.send(8, [8])
    await second.acked(9)
    await here.restart()
    const third = await TestSender.connect(here.port, { incarnation: incarnation(2), session: 2 })
    expect([...third.welcome.former]).toEqual([...incarnation(1)])
    expect(await third.begin('main', { first: 8, common: 8 })).toMatchObject({ next: 9 })
    const fourth = await TestSender.connect(here.port, { incarnation: incarnation(3) })
    expect([...fourth.welcome.former]).toEqual([...incarnation(2)])
    expect(await fourth.begin('main', { first: 3, common: 3 })).toMatchObject({ next: 3 })
    expect(await fourth.begin('other', { stream: 2, first: 3, common: 12 })).toMatchObject({ next: 10 })
  })
})
