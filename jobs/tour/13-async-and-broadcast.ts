// 13. The world outside, and rules for everyone. orderedAsync asks a service about many records at a time; a checkpoint does not wait
//     for answers, it holds the questions. lookupJoin reads a table batch by batch, through a cache. connectBroadcast gives every subtask
//     the whole of a small stream, kept as broadcast state.
//
//     npx run-job jobs/tour/13-async-and-broadcast.ts

import { setTimeout as sleep } from 'node:timers/promises'
import { BroadcastProcessFunction, type Collector, fromArray, job, minutes } from 'millrace'
import { generate } from 'millrace/connectors/generate'
import { print } from 'millrace/connectors/print'

interface Visit {
  readonly id: number
  readonly address: string
  readonly country: string
}

/** A service somewhere: it takes its time, and fails now and then. */
async function countryOf(address: string, attempt: number, signal: AbortSignal): Promise<string> {
  await sleep(5, undefined, { signal })
  const last = Number(address.split('.')[3])
  if (last % 5 === 0 && attempt === 1) throw new Error('busy')
  return last % 2 === 0 ? 'DK' : 'SE'
}

const NAMES = new Map([['DK', 'Denmark']])

interface Rule {
  readonly country: string
  readonly greeting: string
}

/** Greets as the rules that have come so far say. */
class Greetings extends BroadcastProcessFunction<{ id: number; name: string }, Rule, string> {
  readonly #greetings = this.broadcastState<string, string>('greetings')

  override process({ id, name }: { id: number; name: string }, _context: unknown, out: Collector<string>): void {
    out.emit(`visitor ${id}: ${this.#greetings.get(name) ?? 'hello'} (${name})`)
  }

  override processBroadcast({ country, greeting }: Rule): void {
    this.#greetings.set(country, greeting)
  }
}

export default job('tour-async-and-broadcast', (flow) => {
  const visits = flow.from('visits', generate({ count: 20, make: (id) => ({ id, address: `192.0.2.${id}` }) }))
  const rules = flow.from('rules', fromArray<Rule>([{ country: 'Denmark', greeting: 'hej' }]))

  visits
    // Up to 10 at a time, each asked again if it fails; answers come out in the order of the visits.
    .orderedAsync(
      'country',
      async (visit, { attempt, signal }): Promise<Visit> => ({
        ...visit,
        country: await countryOf(visit.address, attempt, signal),
      }),
      { capacity: 10, timeoutMs: 1_000, retry: { attempts: 3, delayMs: 10 } },
    )
    // Each country once per batch at most, and not again for a minute.
    .lookupJoin(
      'name',
      {
        key: ({ country }) => country,
        type: 'left',
        lookupMany: async (countries) => countries.map((country) => NAMES.get(country)),
        cache: { entriesMax: 100, ttlMs: minutes(1) },
      },
      ({ id, country }, name = `somewhere in ${country}`) => ({ id, name }),
    )
    .connectBroadcast(rules)
    .process('greet', () => new Greetings())
    .to('terminal', print())
})
