// A simulation: one seed, from an empty disk to a finished job, through every process that its crashes make.
//
// The code under test is the real one: coordinator, decide, store, history, restore plan, worker pool, attempt, worker host, tasks with
// gates and aligners, sink runners, the segment log, the planner and the language. Simulated are: time, the disk, messages between
// main thread and workers, channels between workers, the keyed backend, sources and targets.

import { join } from 'node:path'
import { CheckpointHistory } from '../../runtime/checkpoint/history.ts'
import { type JobLayout, jobLayout } from '../../runtime/checkpoint/layout.ts'
import { decodeManifest, MANIFEST_FILE } from '../../runtime/checkpoint/manifest.ts'
import { CheckpointStore } from '../../runtime/checkpoint/store.ts'
import { Attempt, type AttemptOutcome, type AttemptReports } from '../../runtime/control/attempt.ts'
import { chooseStart, restoreFrom } from '../../runtime/control/restore.ts'
import { failureFrom } from '../../runtime/control/run-failure.ts'
import type { RunOptions } from '../../runtime/control/run-types.ts'
import { WorkerPool } from '../../runtime/control/worker-pool.ts'
import type { PhysicalPlan } from '../../runtime/plan/physical-plan.ts'
import { planJob } from '../../runtime/plan/planner.ts'
import type { ToWorker } from '../../runtime/worker/messages.ts'
import { isMillraceError, reasonOf } from '../../src/errors.ts'
import { Disk } from './disk.ts'
import { type DiskLies, diskPorts, HONEST } from './disk-ports.ts'
import { Faults, type Scenario, scenarioOf } from './scenario.ts'
import { verifySimState } from './sim-backend.ts'
import { allInputs, jobOfScenario, KEY_GROUPS } from './sim-job.ts'
import { SimProcess } from './sim-process.ts'
import { SimWorkers } from './sim-worker.ts'
import { finalProblem, type TargetLies, Targets } from './targets.ts'
import { Timeline } from './timeline.ts'

/** What a run came to. */
export interface SimResult {
  /** Undefined: every promise was kept. */
  readonly problem: string | undefined
  readonly events: number
  readonly crashes: number
  readonly attempts: number
  readonly checkpoints: number
}

export interface SimOptions {
  /** Planted bugs. */
  readonly disk?: DiskLies
  readonly targets?: TargetLies
  /** Hears what happens, line by line. */
  readonly story?: (line: string) => void
}

/** From the moment the world is calm, a job must end within this many events. */
const EVENTS_MAX = 60_000
const LAYOUT: JobLayout = jobLayout('/data/simulated')

export async function simulate(seed: number, options: SimOptions = {}): Promise<SimResult> {
  return new Simulation(scenarioOf(seed), options).run()
}

class Simulation {
  readonly #scenario: Scenario
  readonly #timeline: Timeline
  readonly #faults: Faults
  readonly #disk = new Disk()
  readonly #targets: Targets
  readonly #diskLies: DiskLies
  readonly #story: ((line: string) => void) | undefined
  #problem: string | undefined
  #attempts = 0
  #checkpoints = 0
  /** The greatest checkpoint id that any task has heard of. */
  #lastTriggered = 0
  readonly #triggeredBy = new Map<number, number>()
  /** The last one that any task was told to be complete, and not gone back beyond since. */
  #lastCompleted = 0

  constructor(scenario: Scenario, options: SimOptions) {
    this.#scenario = scenario
    this.#timeline = new Timeline(scenario.seed)
    this.#faults = new Faults(scenario, this.#timeline.rng, () => this.#timeline.nowMs)
    this.#diskLies = options.disk ?? HONEST
    this.#story = options.story
    const lies = options.targets ?? { forgetsEpochs: false }
    this.#targets = new Targets((checkpoint) => this.#durableCheckpoint() >= checkpoint, lies)
  }

  async run(): Promise<SimResult> {
    let finished = false
    while (!finished && this.#problem === undefined) finished = await this.#live()
    if (finished) this.#problem ??= finalProblem(this.#targets, this.#scenario.shape, allInputs(this.#scenario.shape))
    return {
      problem: this.#problem,
      events: this.#timeline.scheduled,
      crashes: this.#faults.crashes,
      attempts: this.#attempts,
      checkpoints: this.#checkpoints,
    }
  }

  /** One process, until it ends or dies. Returns whether the job has finished. */
  async #live(): Promise<boolean> {
    const process = new SimProcess(this.#timeline, this.#faults)
    let ended: 'finished' | 'again' | undefined
    this.#work(process).then(
      (finished) => {
        ended = finished ? 'finished' : 'again'
      },
      (error: unknown) => {
        ended = 'again'
        this.#refused(error)
      },
    )
    while (ended === undefined && this.#problem === undefined) {
      if (!(await this.#timeline.step())) this.#broken('nothing is left to happen, and the job has not ended')
      if (this.#timeline.scheduled > EVENTS_MAX) this.#broken(`the job has not ended after ${EVENTS_MAX} events`)
      if (this.#targets.violation !== undefined) this.#broken(this.#targets.violation.message)
      const crash = this.#faults.crash(this.#lastCompleted > 0)
      if (crash === undefined) continue
      this.#tell(`dies: ${crash}`)
      process.die()
      if (crash === 'power-cut') this.#disk.cutPower(this.#timeline.rng)
      return false
    }
    process.die()
    return ended === 'finished'
  }

  /** What run() of the job manager does, in short. */
  async #work(process: SimProcess): Promise<boolean> {
    const { fs } = diskPorts(this.#disk, process, process, this.#diskLies)
    const store = await CheckpointStore.open(fs, LAYOUT)
    const history = await CheckpointHistory.open(fs, LAYOUT, store, verifySimState(fs))
    const { rng } = this.#timeline
    const pool = this.#pool(process)
    pool.grow(1)
    const { graph } = await pool.first()
    const plan = planJob(graph, { parallelism: 1 + rng.int(3), workers: 1 + rng.int(2), keyGroups: KEY_GROUPS })
    await pool.load(plan.workers)
    const life: Life = { process, store, history, pool, plan, graph }
    await this.#goBackPerhaps(life)
    for (let attempt = 0; ; attempt += 1) {
      const outcome = await this.#attempt(life, attempt)
      this.#tell(outcome.kind === 'failed' ? `attempt failed: ${outcome.failure.message}` : `attempt ${outcome.kind}`)
      if (outcome.kind === 'ended' && outcome.reason === 'drained') return true
      if (outcome.kind !== 'failed') return false
      if (outcome.failure.retry === 'never') {
        this.#broken(`the job failed for good: ${outcome.failure.code} ${outcome.failure.message}`)
      }
      await pool.cancel(5_000)
      await process.operate(() => {}, { latencyMs: 10 })
    }
  }

  #pool(process: SimProcess): WorkerPool {
    const workers = new SimWorkers({
      process,
      disk: this.#disk,
      lies: this.#diskLies,
      jobAt: (site) => jobOfScenario(this.#scenario, site, (kind) => this.#targets.sink(kind, site)),
      onSend: (message) => this.#sent(message),
    })
    return new WorkerPool({
      start: () => workers.start(),
      load: { type: 'load', file: 'simulated', input: { settings: {}, dataDir: '/data', mode: 'stream' } },
      clock: this.#timeline.clockOf(process),
      heartbeatMs: 5_000,
    })
  }

  async #goBackPerhaps({ history, graph, plan }: Life): Promise<void> {
    const retained = await history.retained()
    if (retained.length === 0 || !this.#faults.goesBack()) return
    const wished = retained[this.#timeline.rng.int(retained.length)]?.id ?? 0
    const rewindable = graph.nodes.every((node) => node.rewindable !== false)
    try {
      const { origin, settle } = await chooseStart(history, graph, plan, { fromCheckpoint: wished })
      // Whoever dies from here on may have gone back durably.
      if (origin?.rewind) this.#lastCompleted = Math.min(this.#lastCompleted, wished)
      await settle()
      if (origin?.rewind && !rewindable) this.#broken('the job went back although a sink would repeat')
      if (origin?.id !== wished) this.#broken(`checkpoint ${wished} was asked for, ${origin?.id} was found`)
    } catch (error) {
      const refused = isMillraceError(error) && error.code === 'RESTORE_SINK_REPEATS'
      if (!refused || rewindable) throw error
    }
  }

  async #attempt(life: Life, number: number): Promise<AttemptOutcome> {
    const { process, store, history, pool, plan, graph } = life
    const settings = { minPauseMs: 0, expireMs: undefined, ...this.#scenario.checkpoint }
    if (this.#faults.calm) settings.timeoutMs = 5_000
    try {
      await pool.load(plan.workers)
      const options: RunOptions = {}
      const { origin } = await chooseStart(history, graph, plan, options)
      if ((origin?.id ?? 0) < this.#lastCompleted) {
        this.#broken(`checkpoint ${this.#lastCompleted} was complete, and the job starts from ${origin?.id}`)
      }
      this.#attempts += 1
      const tasks = plan.tasks.map(({ name, parallelism }) => `${name} x ${parallelism}`).join(', ')
      this.#tell(`attempt ${number} from checkpoint ${origin?.id ?? 'none'}: ${tasks}`)
      const attempt = new Attempt({
        deployment: {
          attempt: number,
          plan,
          jobDir: LAYOUT.root,
          mode: 'stream',
          delivery: 'exactly-once',
          state: { cacheBytes: 1 << 20 },
          restore: origin === undefined ? {} : restoreFrom(origin, graph, plan, options),
          rewind: origin?.rewind ?? false,
        },
        graph,
        pool,
        store,
        history,
        settings,
        clock: this.#timeline.clockOf(process),
        reports: this.#reports(),
      })
      this.#disturb(process, attempt)
      return await attempt.run()
    } catch (error) {
      return { kind: 'failed', failure: failureFrom(error) }
    }
  }

  /** People who want a checkpoint now, or want the job to stop. */
  #disturb(process: SimProcess, attempt: Attempt): void {
    const waitMs = this.#scenario.baseLatencyMs * (10 + this.#timeline.rng.int(80))
    this.#timeline.after(waitMs, process, () => {
      if (this.#faults.calm) return
      if (this.#faults.stops()) attempt.stop()
      else attempt.checkpoint().catch(() => {})
      this.#disturb(process, attempt)
    })
  }

  #reports(): AttemptReports {
    return {
      running: () => this.#tell('runs'),
      checkpoint: ({ id, status, reason }) => this.#tell(`checkpoint ${id} ${status} ${reason ?? ''}`),
      committed: (checkpoint) => this.#tell(`checkpoint ${checkpoint} committed`),
      metrics: () => {},
      log: (_level, message, fields) => this.#tell(`${message} ${JSON.stringify(fields)}`),
    }
  }

  #tell(line: string): void {
    this.#story?.(`${this.#timeline.nowMs.toFixed(2)} ms  ${line}`)
  }

  #sent(message: ToWorker): void {
    if (message.type === 'trigger') this.#triggered(message.checkpoint)
    if (message.type !== 'complete') return
    this.#checkpoints += 1
    if (this.#durableCheckpoint() < message.checkpoint) {
      this.#broken(`checkpoint ${message.checkpoint} was announced and would not survive a power cut`)
    }
    this.#lastCompleted = Math.max(this.#lastCompleted, message.checkpoint)
  }

  /** Every worker hears of it once. */
  #triggered(checkpoint: number): void {
    const attempt = this.#triggeredBy.get(checkpoint)
    if (attempt !== undefined && attempt !== this.#attempts) this.#broken(`id ${checkpoint} was given out twice`)
    if (attempt === undefined && checkpoint <= this.#lastTriggered) {
      this.#broken(`id ${checkpoint} came after ${this.#lastTriggered}`)
    }
    this.#triggeredBy.set(checkpoint, this.#attempts)
    this.#lastTriggered = Math.max(this.#lastTriggered, checkpoint)
  }

  /** The greatest id of a checkpoint whose manifest would survive a power cut now; 0 if there is none. */
  #durableCheckpoint(): number {
    const whole = this.#disk.list(LAYOUT.checkpoints).filter((id) => {
      const manifest = this.#disk.durable(join(LAYOUT.checkpoints, id, MANIFEST_FILE))
      return manifest !== undefined && decodeManifest(manifest, id).id === Number(id)
    })
    return Math.max(0, ...whole.map(Number))
  }

  #refused(error: unknown): void {
    if (failureFrom(error).retry === 'never') this.#broken(`the job could not start: ${reasonOf(error)}`)
  }

  #broken(what: string): void {
    this.#problem ??= `at ${this.#timeline.nowMs.toFixed(2)} ms: ${what}`
  }
}

interface Life {
  readonly process: SimProcess
  readonly store: CheckpointStore
  readonly history: CheckpointHistory
  readonly pool: WorkerPool
  readonly plan: PhysicalPlan
  readonly graph: Awaited<ReturnType<WorkerPool['first']>>['graph']
}
