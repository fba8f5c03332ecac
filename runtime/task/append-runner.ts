// AppendRunner: drives sinks that publish what they appended.
//
// Owns: which prepared epochs are not known to be published. Does not own: the parts themselves (the sink).
//
// I1. Every prepared epoch is in each later checkpoint until it is known to be committed, aborted checkpoints' epochs included.
// I2. Commits are in order of epochs and never overlap a write.

import type { AppendPrepared, AppendSinkFunction } from '../../src/contract/sink-function.ts'
import type { Batch } from '../../src/record/batch.ts'
import { assert } from '../../src/util/assert.ts'
import { failpoint } from '../../src/util/failpoint.ts'
import type { Pending } from '../channel/channel.ts'
import type { NodeRestore, NodeSnapshot } from '../checkpoint/snapshot.ts'
import { readyPart, type SnapshotPart } from './chain-node.ts'
import { decode, encode } from './msgpack.ts'
import type { SinkRunner } from './sink-runner.ts'

interface PreparedEpoch {
  readonly epoch: number
  readonly commit: unknown
}

/** Append sinks: prepared at the barrier, published when the checkpoint is complete. */
export class AppendRunner implements SinkRunner {
  readonly #sink: AppendSinkFunction<unknown>
  readonly #empty: NodeSnapshot
  readonly #rewound: boolean
  #prepared: PreparedEpoch[] = []
  #state: { readonly epoch: number; readonly value: unknown } | undefined

  /** `empty`: a snapshot of this sink in this subtask, to be filled in. `rewound`: the job goes back. */
  constructor(sink: AppendSinkFunction<unknown>, empty: NodeSnapshot, rewound: boolean) {
    this.#sink = sink
    this.#empty = empty
    this.#rewound = rewound
  }

  async open(restore: NodeRestore | undefined): Promise<void> {
    await this.#sink.restore((restore?.operator ?? []).map(decode), restore?.checkpoint, this.#rewound)
    const commits = (restore?.commits ?? []).flatMap((bytes) => decode(bytes) as PreparedEpoch[])
    if (commits.length > 0) failpoint('restore.commit.before')
    for (const { commit } of commits.sort((a, b) => a.epoch - b.epoch)) await this.#sink.commit(commit)
  }

  write(batch: Batch): Pending {
    return this.#sink.write(batch.values) ?? undefined
  }

  async finishEpoch(epoch: number): Promise<void> {
    failpoint('sink.prepare.before')
    const prepared: AppendPrepared = await this.#sink.prepare(epoch)
    if (prepared.commit !== undefined) this.#prepared.push({ epoch, commit: prepared.commit })
    this.#state = { epoch, value: prepared.state }
    failpoint('sink.prepare.after')
  }

  freeze(epoch: number): SnapshotPart {
    assert(this.#state?.epoch === epoch, 'an append sink is frozen for the epoch it has just prepared')
    const commit = this.#prepared.length === 0 ? undefined : encode(this.#prepared)
    return readyPart({ ...this.#empty, operator: encode(this.#state.value), commit })
  }

  async complete(checkpoint: number): Promise<void> {
    const due = this.#prepared.filter(({ epoch }) => epoch <= checkpoint)
    for (const { epoch, commit } of due) {
      failpoint('sink.commit.before')
      await this.#sink.commit(commit)
      failpoint('sink.commit.middle')
      this.#prepared = this.#prepared.filter((prepared) => prepared.epoch !== epoch)
      failpoint('sink.commit.after')
    }
  }

  settled(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
