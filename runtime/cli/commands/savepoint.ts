import { createSavepoint } from '../../control/checkpoint-tools.ts'
import { type CommandFunction, EXIT } from '../command.ts'
import { asJson } from '../event-line.ts'
import { pickCheckpoint } from '../known-job.ts'
import { configOf } from '../run-request.ts'

/** `millrace savepoint JOB [DIR]`: a copy of a checkpoint that is nobody's to delete. The job may run meanwhile. */
export const savepointCommand: CommandFunction = async (args, terminal) => {
  const { dataDir, json } = configOf(args, terminal)
  const [job = '', path] = args.positionals
  const typed = args.values.get('checkpoint')
  const checkpoint = await pickCheckpoint(dataDir, job, { path: '--checkpoint', text: typed })
  // Without a number the tool picks the latest itself: a running job may have replaced ours meanwhile.
  const folder = await createSavepoint(dataDir, job, {
    ...(typed !== undefined && { checkpoint }),
    ...(path !== undefined && { path }),
  })
  terminal.stdout.write(json ? `${asJson({ job, folder })}\n` : `${folder}\n`)
  if (!json) terminal.stderr.write(`To start from it: run-job FILE --from-savepoint ${folder}\n`)
  return EXIT.done
}
