// What a benchmark is made of: cases, each run in a process of its own, and the rows that compare them.

/** Plain data: cases get it across processes. */
export type CaseParams = Readonly<Record<string, number | string>>

/** What one case measured. */
export interface CaseResult {
  readonly records: number
  /** From the first record to the last result. */
  readonly seconds: number
  /** Of the whole process in that time, all threads. */
  readonly cpuSeconds: number
  /** Of what came out: equal for cases that do the same work, or the comparison is refused. */
  readonly checksum: number
  readonly extra?: Readonly<Record<string, number>>
}

/** A result with what its process as a whole took. */
export interface ProcessResult extends CaseResult {
  /** The most memory the process ever held. */
  readonly memoryMb: number
}

/** One way to do the work. */
export type Case = (params: CaseParams) => CaseResult | Promise<CaseResult>

/** One line of the table. */
export interface Row {
  /** Stable: the baseline is kept under it. */
  readonly name: string
  readonly unit: 'records/s' | 'MB/s' | 'ms' | '%' | '×' | 'MB'
  readonly value: number
  /** The same work with nothing around it, in the same run; and value relative to it, which is what the baseline keeps. */
  readonly ceiling?: number | undefined
  readonly ratio?: number | undefined
  /** Which way the ratio is good. */
  readonly better: 'higher' | 'lower'
  /** Half the spread of the ratio over the rounds, relative to it. */
  readonly noise?: number | undefined
  readonly perCpuSecond?: number | undefined
  readonly memoryMb?: number | undefined
  readonly flink?: FlinkResult | undefined
  readonly goal: string
  /** Undefined where this run cannot tell (no Flink, a smoke run). */
  readonly met: boolean | undefined
}

/** What the Flink peer answered for the same workload. */
export interface FlinkResult {
  readonly perSecond: number
  readonly perCpuSecond: number
  readonly memoryMb: number
  readonly startupSeconds: number
}

/** Hands of a scenario. */
export interface Bench {
  /** 1 for a full run; records are multiplied by it. */
  readonly scale: number
  /** A smoke run only shows that everything works: its figures say nothing. */
  readonly smoke: boolean
  /** Runs cases in turn, each in a fresh process, for several rounds; refuses unequal checksums. By case, by round. */
  compare(cases: readonly CaseRun[]): Promise<readonly (readonly ProcessResult[])[]>
  /** Runs the peer's micro workload; undefined where there is no peer. */
  flink(workload: string, options?: FlinkOptions): Promise<FlinkResult | undefined>
}

export interface CaseRun {
  readonly scenario: string
  readonly name: string
  readonly params: CaseParams
}

export interface FlinkOptions {
  readonly backend?: 'heap' | 'rocksdb'
  readonly keys?: number
  readonly checkpoints?: boolean
  /** Flink options, e.g. taskmanager.memory.managed.size */
  readonly settings?: Readonly<Record<string, string>>
}

/** One subject of measuring. */
export interface Scenario {
  readonly name: string
  readonly cases: Readonly<Record<string, Case>>
  measure(bench: Bench): Promise<readonly Row[]>
}
