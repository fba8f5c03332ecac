// Writes a load from a process of its own, so that it is in nobody's way.

import { connect, type Load, write } from './load.ts'

const [url, load] = JSON.parse(process.argv[2] ?? '[]') as [string, Load]
const connection = await connect(url)
const seconds = await write(connection, load)
await connection.end()
process.send?.({ seconds })
process.disconnect?.()
