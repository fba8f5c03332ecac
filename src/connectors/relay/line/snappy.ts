// Snappy, if it is installed.

/** What the package has. */
export type Snappy = typeof import('snappy')

/** Else the garbage collector does not know how large the outputs are, and lets 100 MB of them lie. */
export const OUTPUT = { copyOutputData: true }

/** Its functions; undefined where the package is not there. */
export async function loadSnappy(): Promise<Snappy | undefined> {
  try {
    return await import('snappy')
  } catch {
    return undefined
  }
}
