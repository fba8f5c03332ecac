// Failpoints: named steps at which a test can make the process die, throw or hang. Free when nothing is armed.

/** Every step that has a failpoint, and what has just happened there. A test proves that each is hit by a crash test. */
export const FAILPOINTS = {
  'checkpoint.id.before': 'the coordinator is about to persist a checkpoint id',
  'checkpoint.id.after': 'the id is persisted, nothing was triggered yet',
  'checkpoint.trigger.sent': 'sources were told to emit the barrier',
  'source.barrier.before': 'a source is about to record its positions',
  'source.barrier.after': 'a source recorded its positions and emitted the barrier',
  'task.align.first': 'a task with several inputs got the first barrier of a checkpoint',
  'task.align.done': 'a task got the barrier on every input, nothing was snapshotted',
  'task.snapshot.frozen': 'the list of dirty entries is frozen, none is written',
  'state.write.before': 'frozen entries are about to be written to RocksDB',
  'state.write.after': 'frozen entries are in RocksDB and synced',
  'state.link.middle': 'some files of the hard-link checkpoint are linked',
  'state.link.after': 'all files are linked, the folder is synced',
  'task.ack.before': 'a task is about to acknowledge',
  'sink.prepare.before': 'a sink is about to make its epoch durable',
  'sink.prepare.after': 'the epoch is durable, not visible',
  'manifest.write.before': 'all tasks acknowledged, the manifest is not written',
  'manifest.write.middle': 'half of the manifest is written to its temporary file',
  'manifest.rename.before': 'the manifest is complete under its temporary name',
  'manifest.rename.after': 'the manifest has its name: the checkpoint is complete',
  'commit.notify.before': 'tasks are about to be told that the checkpoint is complete',
  'sink.commit.before': 'a sink is about to commit an epoch',
  'sink.commit.middle': 'some of the commit is done: one part renamed, or one of two sinks',
  'sink.commit.after': 'a sink has committed an epoch and not yet said so',
  'checkpoint.delete.before': 'an old checkpoint is about to be deleted',
  'checkpoint.delete.middle': 'half of an old checkpoint is deleted',
  'restore.begin': 'a restore begins',
  'restore.link.middle': 'some state is linked back',
  'restore.commit.before': 'commits of the restored checkpoint are about to be repeated',
  'restore.done': 'all tasks are restored, none runs',
  'batch.spill.after': 'a keyed node of a batch run has written records to its spool on disk',
  'batch.key.after': 'a keyed node of a batch run is done with a key',
  'savepoint.write.middle': 'one part of a savepoint is written to its temporary file',
  'savepoint.rename.before': 'a savepoint is complete under its temporary name',
  'savepoint.rename.after': 'a savepoint has its name',
  'sql.write.after': 'a SQL sink sent all rows of a transaction, nothing is committed',
  'sql.commit.before': 'a SQL sink is about to commit a transaction',
  'sql.commit.after': 'a SQL sink committed a transaction and knows it',
  'sql.schema.before': 'a SQL sink is about to make or alter a table',
  'sql.schema.middle': 'a SQL sink made one change of a table, perhaps of several',
  'sql.schema.after': 'a SQL sink made or altered a table',
  'sql.part.after': 'a SQL sink committed the part of an epoch before a change of a table',
  'kafka.txn.begun': 'a Kafka sink added partitions to a transaction, nothing was sent to them',
  'kafka.txn.sent': 'a Kafka sink wrote all records of a transaction',
  'kafka.marker.sent': 'a Kafka sink wrote the marker of a transaction',
  'kafka.commit.before': 'a Kafka sink is about to commit a transaction',
  'kafka.commit.after': 'a Kafka sink committed a transaction and knows it',
  'relay.identity.after': 'a relay sender made its incarnation and session durable, nothing is sent',
  'relay.cut.middle': 'a relay sender cut one of its logs back to the checkpoint, or removed one that it does not know',
  'relay.cut.after': 'a relay sender cut all of its logs back to the checkpoint, under its old session',
  'relay.prepare.middle': 'a relay sender made the batches of one of its streams durable, perhaps of several',
  'relay.publish.before': 'a relay sender noted durably that it publishes for the first time, nothing is sent',
  'relay.acked.after': 'a relay sender noted durably what a target has acknowledged',
  'relay.truncate.after': 'a relay sender gave up batches that every target has acknowledged',
  'relay.claim.before': 'a relay receiver let a sender in, and has not noted it',
  'relay.claim.after': 'a relay receiver noted durably whom it let in, and has not said so',
  'relay.receive.synced': 'a relay receiver made batches durable, nothing else knows it',
  'relay.ack.before': 'a relay receiver is about to acknowledge batches',
  'relay.remove.middle':
    'a relay receiver took a read-out incarnation of a sender out of use, its files are still there',
  'stop.final.before': 'a stop was asked for, its last checkpoint is about to begin',
} as const

export type Failpoint = keyof typeof FAILPOINTS
type Action = 'kill' | 'throw' | 'hang'

interface Armed {
  readonly name: string
  readonly action: Action
  hitsLeft: number
}

let armed = parse(process.env.MILLRACE_FAILPOINT)

/** Arms this process anew, in the notation of MILLRACE_FAILPOINT; undefined disarms. For runs inside a test's own process. */
export function armFailpoints(spec: string | undefined): void {
  armed = parse(spec)
}

/**
 * Marks a step. Armed by MILLRACE_FAILPOINT=name[:kill|throw|hang][@nth], several separated by commas; otherwise does nothing.
 * `kill` is SIGKILL to the whole process; `throw` throws here; `hang` blocks this thread for ever.
 */
export function failpoint(name: Failpoint): void {
  if (armed !== undefined) hit(name)
}

function hit(name: Failpoint): void {
  for (const point of armed ?? []) {
    if (point.name !== name) continue
    point.hitsLeft -= 1
    if (point.hitsLeft === 0) act(point.action, name)
  }
}

function act(action: Action, name: string): void {
  if (action === 'throw') throw new Error(`failpoint ${name}`)
  if (action === 'kill') process.kill(process.pid, 'SIGKILL')
  // After SIGKILL to ourselves the signal may take a moment: nothing more may happen meanwhile.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}

function parse(spec: string | undefined): Armed[] | undefined {
  if (spec === undefined || spec === '') return undefined
  return spec.split(',').map((part) => {
    const match = /^([\w.]+)(?::(kill|throw|hang))?(?:@(\d+))?$/.exec(part)
    if (match === null || !((match[1] ?? '') in FAILPOINTS))
      throw new Error(`MILLRACE_FAILPOINT: no failpoint "${part}"`)
    return { name: match[1] ?? '', action: (match[2] ?? 'kill') as Action, hitsLeft: Number(match[3] ?? 1) }
  })
}
