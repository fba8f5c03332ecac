import { main } from './main.ts'

/**
 * The body of a bin. Ends the process once both streams have taken everything: exiting earlier would cut what a pipe's
 * reader has not read yet; waiting for the event loop to empty would hang on a handle that a job left open.
 */
export async function runBin(bin: 'run-job' | 'millrace'): Promise<void> {
  // A reader that went away (| head) must not turn into a crash; whoever cares listens for himself.
  process.stdout.on('error', ignoreClosedReader)
  process.stderr.on('error', ignoreClosedReader)
  const code = await main(bin, process.argv.slice(2), process)
  await Promise.all([drained(process.stdout), drained(process.stderr)])
  process.exit(code)
}

function ignoreClosedReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
}

function drained(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.destroyed || !stream.writable) resolve()
    else stream.write('', () => resolve())
  })
}
