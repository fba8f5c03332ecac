import { createSavepoint } from '../../control/create-savepoint.ts'
import { type CommandFunction, EXIT } from '../command.ts'
import { asJson } from '../event-line.ts'
import { jobStatus, pickCheckpoint } from '../known-job.ts'
import { misuse } from '../parse-arguments.ts'
import { configOf } from '../run-request.ts'

/** `millrace savepoint JOB [FILE] [--stop]`: what a checkpoint holds, in a file that is nobody's to delete. A running job takes one for it. */
export const savepointCommand: CommandFunction = async (args, terminal) => {
  const { dataDir, json } = configOf(args, terminal)
  const [job = '', path] = args.positionals
  const typed = args.values.get('checkpoint')
  const stop = args.values.get('stop') === 'true'
  if (stop && typed !== undefined)
    throw misuse('--stop and --checkpoint', 'the last checkpoint or an older one: give only one')
  const file = await createSavepoint(dataDir, job, {
    stop,
    ...(await whichCheckpoint(dataDir, job, typed)),
    ...(path !== undefined && { path }),
  })
  terminal.stdout.write(json ? `${asJson({ job, file })}\n` : `${file}\n`)
  if (!json) terminal.stderr.write(`To start from it: run-job FILE --from-savepoint ${file}\n`)
  return EXIT.done
}

/** None is named: that is a fresh one, or of a job that does not run the latest, which must be there. */
async function whichCheckpoint(
  dataDir: string,
  job: string,
  text: string | undefined,
): Promise<{ readonly checkpoint?: number }> {
  const { runningPid } = await jobStatus(dataDir, job)
  if (text === undefined && runningPid !== undefined) return {}
  const checkpoint = await pickCheckpoint(dataDir, job, { path: '--checkpoint', text })
  return text === undefined ? {} : { checkpoint }
}
