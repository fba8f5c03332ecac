// What a seed stands for: the job's shape, how the world behaves, and which faults it has until it calms down.

import { type Rng, seededRng } from '../../src/util/rng.ts'

export type SinkKind = 'epoch' | 'append' | 'upsert'

/** The job of a seed. */
export interface Shape {
  readonly sources: readonly { readonly name: string; readonly splits: readonly number[] }[]
  readonly keys: number
  readonly stages: 1 | 2
  readonly sinks: readonly SinkKind[]
}

/** A seed, spelt out. */
export interface Scenario {
  readonly seed: number
  readonly shape: Shape
  /** Of time until the world is calm: no fault of any kind is injected from there on. */
  readonly calmAtMs: number
  readonly crashesMax: number
  /** Per event. */
  readonly crashChance: number
  readonly powerCutShare: number
  readonly failChance: number
  readonly lossChance: number
  readonly repeatChance: number
  readonly workerLossChance: number
  readonly userErrorChance: number
  readonly goBackChance: number
  readonly stopChance: number
  readonly baseLatencyMs: number
  readonly checkpoint: {
    readonly intervalMs: number
    readonly timeoutMs: number
    readonly tolerableFailures: number
    readonly retain: number
  }
}

/** Draws a scenario. */
export function scenarioOf(seed: number): Scenario {
  const rng = seededRng(seed * 7919 + 17)
  const pick = <T>(...choices: readonly T[]): T => choices[rng.int(choices.length)] as T
  return {
    seed,
    shape: shapeOf(rng),
    calmAtMs: pick(0, 200, 600, 1500),
    crashesMax: pick(0, 1, 3, 6, 10),
    crashChance: pick(0.001, 0.004, 0.01, 0.03),
    powerCutShare: pick(0, 0.5, 1),
    failChance: pick(0, 0, 0.002, 0.01),
    lossChance: pick(0, 0, 0.02, 0.1),
    repeatChance: pick(0, 0.05, 0.3),
    workerLossChance: pick(0, 0, 0.005),
    userErrorChance: pick(0, 0, 0.02),
    goBackChance: pick(0, 0.3, 0.6),
    stopChance: pick(0, 0, 0.1),
    baseLatencyMs: pick(0.05, 0.3, 1, 3),
    checkpoint: {
      intervalMs: pick(5, 15, 40),
      timeoutMs: pick(40, 150, 1000),
      tolerableFailures: pick(0, 1, 3),
      retain: pick(1, 2, 3),
    },
  }
}

function shapeOf(rng: Rng): Shape {
  const sources = Array.from({ length: 1 + rng.int(3) }, (_, i) => ({
    name: `source-${i}`,
    // An empty split ends while others are read.
    splits: Array.from({ length: 1 + rng.int(4) }, () => (rng.int(5) === 0 ? 0 : 1 + rng.int(20))),
  }))
  const SINKS: readonly (readonly SinkKind[])[] = [
    ['epoch'],
    ['epoch', 'upsert'],
    ['epoch', 'append'],
    ['append'],
    ['upsert'],
    ['append', 'upsert'],
  ]
  return {
    sources,
    keys: 1 + rng.int(6),
    stages: rng.int(2) === 0 ? 1 : 2,
    sinks: SINKS[rng.int(SINKS.length)] as readonly SinkKind[],
  }
}

/** The world's behaviour, drawn as it goes; calm from the scenario's moment on. */
export class Faults {
  readonly scenario: Scenario
  readonly #rng: Rng
  readonly #nowMs: () => number
  crashes = 0

  constructor(scenario: Scenario, rng: Rng, nowMs: () => number) {
    this.scenario = scenario
    this.#rng = rng
    this.#nowMs = nowMs
  }

  get calm(): boolean {
    return this.#nowMs() >= this.scenario.calmAtMs
  }

  /** Mostly short, now and then long. */
  latency(): number {
    const base = this.scenario.baseLatencyMs * (0.2 + this.#rng.next())
    return !this.calm && this.#rng.int(40) === 0 ? base * 30 : base
  }

  fails(): boolean {
    return this.#happens(this.scenario.failChance)
  }

  losesMessage(): boolean {
    return this.#happens(this.scenario.lossChance)
  }

  repeatsMessage(): boolean {
    return this.#happens(this.scenario.repeatChance)
  }

  losesWorker(): boolean {
    return this.#happens(this.scenario.workerLossChance)
  }

  userErrs(): boolean {
    return this.#happens(this.scenario.userErrorChance)
  }

  stops(): boolean {
    return this.#happens(this.scenario.stopChance)
  }

  goesBack(): boolean {
    return this.#happens(this.scenario.goBackChance)
  }

  /** Whether the process dies after this event, and how. */
  crash(): 'kill' | 'power-cut' | undefined {
    if (this.crashes >= this.scenario.crashesMax || !this.#happens(this.scenario.crashChance)) return undefined
    this.crashes += 1
    return this.#rng.next() < this.scenario.powerCutShare ? 'power-cut' : 'kill'
  }

  #happens(chance: number): boolean {
    return chance > 0 && !this.calm && this.#rng.next() < chance
  }
}
