// A sender in a network of its own: its packets are late and lost, and its link goes down, where the machine lets us make such a network.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { seededRng } from '../../src/util/rng.ts'
import { RelayEnds } from './relay-ends.ts'

const full = process.env.MILLRACE_FULL === '1'
const timeout = full ? 600_000 : 180_000
const name = `mr${process.pid}`
const network = 1 + (process.pid % 250)
const [HERE, THERE] = [`10.213.${network}.1`, `10.213.${network}.2`]
const folder = mkdtempSync(join(tmpdir(), 'relay-network-'))

const does = (command: string): boolean => {
  const [program = '', ...args] = command.split(' ')
  return spawnSync(program, args).status === 0
}
const within = `ip netns exec ${name}`
const made = [
  `ip netns add ${name}`,
  `ip link add ${name}a type veth peer name ${name}b`,
  `ip link set ${name}b netns ${name}`,
  `ip addr add ${HERE}/24 dev ${name}a`,
  `ip link set ${name}a up`,
  `${within} ip addr add ${THERE}/24 dev ${name}b`,
  `${within} ip link set ${name}b up`,
].every(does)
/** Not every kernel has it. */
const late = made && does(`tc qdisc add dev ${name}a root netem delay 30ms 10ms loss 2%`)

afterAll(() => {
  does(`ip link del ${name}a`)
  does(`ip netns del ${name}`)
  rmSync(folder, { recursive: true, force: true })
})

// skip: making a network needs rights that not every machine gives.
it.skipIf(!made)(
  `packets ${late ? 'late and lost, ' : ''}and the link down (netem ${late ? 'there' : 'absent'})`,
  { timeout },
  async () => {
    const psk = join(folder, 'psk')
    writeFileSync(psk, 'a7'.repeat(32))
    const settings = [`psk=${psk}`]
    const ends = await RelayEnds.open({
      ...{ rng: seededRng(5), host: HERE, via: within.split(' ') },
      ...{ sendSettings: settings, receiveSettings: settings },
    })
    const [sender, receiver] = [ends.send(), ends.receive()]
    await ends.tell(500)
    await ends.arrived(sender, receiver)
    for (let outages = full ? 4 : 2; outages > 0; outages -= 1) {
      await ends.tell(3_000, 500)
      does(`ip link set ${name}a down`)
      await ends.tell(2_000, 500)
      await setTimeout(outages % 2 === 0 ? 500 : full ? 20_000 : 6_000)
      does(`ip link set ${name}a up`)
    }
    expect(await ends.settle(sender, receiver)).toBe(ends.told)
  },
)
