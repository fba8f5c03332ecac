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
  const baseLatencyMs = pick(0.1, 0.5, 3)
  return {
    seed,
    shape: shapeOf(rng),
    calmAtMs: baseLatencyMs * pick(0, 300, 1000, 3000),
    crashesMax: pick(0, 1, 3, 6, 10),
    crashChance: pick(0.002, 0.005, 0.01, 0.03),
    powerCutShare: pick(0, 0.5, 1),
    failChance: pick(0, 0, 0.002, 0.01),
    lossChance: pick(0, 0, 0.02, 0.1),
    repeatChance: pick(0, 0.05, 0.3),
    workerLossChance: pick(0, 0, 0.005),
    userErrorChance: pick(0, 0, 0.01),
    goBackChance: pick(0, 0.5, 0.9),
    stopChance: pick(0, 0, 0.1),
    baseLatencyMs,
    checkpoint: {
      intervalMs: baseLatencyMs * pick(10, 25, 60),
      timeoutMs: baseLatencyMs * pick(70, 200, 1000),
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

const EARLY_SHARE = 0.2

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

  /** Now and then longer than a checkpoint waits for it, never longer than a task waits to close. */
  transactionLatency(): number {
    return this.#happens(0.05) ? Math.min(4_000, this.latency() * 200) : this.latency()
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

  /** Whether the process dies after this event, and how. Seldom before there is anything to lose. */
  crash(afterCheckpoint: boolean): 'kill' | 'power-cut' | undefined {
    const chance = this.scenario.crashChance * (afterCheckpoint ? 1 : EARLY_SHARE)
    if (this.crashes >= this.scenario.crashesMax || !this.#happens(chance)) return undefined
    this.crashes += 1
    return this.#rng.next() < this.scenario.powerCutShare ? 'power-cut' : 'kill'
  }

  #happens(chance: number): boolean {
    return chance > 0 && !this.calm && this.#rng.next() < chance
  }
}
