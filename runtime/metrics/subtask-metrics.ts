// SubtaskMetrics: the named instruments of one node in one subtask.
//
// Owns: the values that the user's counters and gauges hold.
// Does not own: the machine's own counts (records, busy time), which the task keeps in plain fields.
//
// I1. The same name gives the same instrument, for the life of the subtask.
// I2. A counter never falls.

import type { Counter, Gauge, MetricGroup } from '../../src/contract/runtime-context.ts'

class CountingInstrument implements Counter {
  value = 0

  add(n = 1): void {
    if (n > 0) this.value += n
  }
}

class HoldingInstrument implements Gauge {
  value = 0

  set(value: number): void {
    this.value = value
  }
}

/** The MetricGroup that RuntimeContext.metrics is, readable by the task that reports it. */
export class SubtaskMetrics implements MetricGroup {
  readonly #counters = new Map<string, CountingInstrument>()
  readonly #gauges = new Map<string, HoldingInstrument>()

  counter(name: string): Counter {
    return instrument(this.#counters, name, () => new CountingInstrument())
  }

  gauge(name: string): Gauge {
    return instrument(this.#gauges, name, () => new HoldingInstrument())
  }

  /** The values now, for NodeMetrics. */
  counters(): Readonly<Record<string, number>> {
    return values(this.#counters)
  }

  gauges(): Readonly<Record<string, number>> {
    return values(this.#gauges)
  }
}

function instrument<T>(all: Map<string, T>, name: string, make: () => T): T {
  const known = all.get(name)
  if (known !== undefined) return known
  const made = make()
  all.set(name, made)
  return made
}

function values(all: ReadonlyMap<string, { readonly value: number }>): Readonly<Record<string, number>> {
  return Object.fromEntries([...all].map(([name, { value }]) => [name, value]))
}
