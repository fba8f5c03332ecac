import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { CommandFunction } from '../command.ts'
import { misuse } from '../parse-arguments.ts'
import { runFile } from './run.ts'

/**
 * `millrace relay send --config FILE`: runs the job that the package has for it, as any other. Which file it is made of the environment says, which
 * the threads of this process inherit.
 */
export function relayCommand(direction: 'send' | 'receive'): CommandFunction {
  return async (args, terminal) => {
    const values = new Map(args.values)
    const agentFile = values.get('config')
    if (agentFile === undefined)
      throw misuse(
        '--config',
        `it is missing: millrace relay ${direction} --config FILE, where FILE says what to ${direction}`,
      )
    // To a run --config is another file: that of its options, which millrace.config.json and MILLRACE_CONFIG still are.
    values.delete('config')
    process.env.MILLRACE_RELAY_CONFIG = agentFile
    // Compiled with this file, or run as it is with it.
    const job = new URL(`../../../src/relay/agent/${direction}-job${extname(import.meta.url)}`, import.meta.url)
    const typed = `millrace relay ${direction} --config ${agentFile}`
    return await runFile(
      { file: fileURLToPath(job), typed, label: `relay ${direction}` },
      { ...args, values },
      terminal,
    )
  }
}
