import { join, resolve } from 'node:path'
import { nodeFs } from '../../checkpoint/fs.ts'
import { copyCheckpoint } from '../../checkpoint/savepoint.ts'
import { type CommandFunction, EXIT } from '../command.ts'
import { asJson } from '../event-line.ts'
import { parseCheckpointId, pickEntry } from '../pick-checkpoint.ts'
import { configOf } from '../run-request.ts'
import { openStoredJob } from '../stored-job.ts'

/** `millrace savepoint JOB [DIR]`: a copy of a checkpoint that is nobody's to delete. The job may run meanwhile. */
export const savepointCommand: CommandFunction = async (args, terminal) => {
  const config = configOf(args, terminal)
  const [name = '', folder] = args.positionals
  const job = await openStoredJob(config.dataDir, name)
  const entry = await pickEntry(job, parseCheckpointId('--checkpoint', args.values.get('checkpoint')))
  const target = resolve(folder ?? join(job.layout.savepoints, `${entry.id}-${stampOf(Date.now())}`))
  await nodeFs.mkdir(job.layout.savepoints)
  await copyCheckpoint(nodeFs, entry.folder, job.layout.savepoints, target)
  const { stdout } = terminal
  if (config.json) stdout.write(`${asJson({ job: name, checkpoint: entry.id, folder: target })}\n`)
  else stdout.write(`${target}\n`)
  terminal.stderr.write(
    config.json ? '' : `Checkpoint ${entry.id} of ${name}. Start from it: --from-savepoint ${target}\n`,
  )
  return EXIT.done
}

function stampOf(nowMs: number): string {
  return new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')
}
