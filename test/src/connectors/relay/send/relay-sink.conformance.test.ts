import { describe, it } from 'vitest'
import { sinkConformance } from '../../../../../runtime/testing/index.ts'
import { relaySink } from '../../../../../src/connectors/relay/index.ts'
import type { RelaySink } from '../../../../../src/connectors/relay/send/relay-sink.ts'
import { ModelReceiver } from './model-receiver.ts'
import { fastClock } from './sender-rig.ts'

const records = Array.from({ length: 30 }, (_, n) => ({ n }))

/** A sink that is closed when it has sent what it published, as a job whose input ended does. */
class Patient {
  readonly #sinks: RelaySink<unknown>[] = []

  add(sink: RelaySink<unknown>): RelaySink<unknown> {
    const close = sink.close.bind(sink)
    const restore = sink.restore.bind(sink)
    sink.restore = async (...given) => {
      await restore(...given)
      this.#sinks.push(sink)
    }
    sink.close = async () => {
      if (this.#sinks.includes(sink)) await sink.drained()
      await close()
    }
    return sink
  }

  async drained(): Promise<void> {
    for (const sink of this.#sinks) await sink.drained()
  }
}

const { cases } = sinkConformance<unknown>({
  name: 'relaySink',
  kind: 'append',
  prepare: async () => {
    const receiver = new ModelReceiver({ clock: fastClock })
    await receiver.listen()
    const sinks = new Patient()
    return {
      create: () => sinks.add(relaySink({ site: 'here', targets: receiver.address })),
      read: async () => {
        await sinks.drained()
        return receiver.read().main ?? []
      },
      dispose: () => receiver.close(),
    }
  },
  records,
  supports: { parallel: false, rewindable: false },
})

describe('relaySink', () => it.each([...cases])('$name', ({ run }) => run()))
