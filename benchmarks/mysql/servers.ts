// Servers of this run: started from the scripts that tests use, in a folder that is thrown away.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const SCRIPT = fileURLToPath(new URL('../../test/services/mysql.sh', import.meta.url))

export interface Server {
  readonly url: string
  readonly port: number
  stop(): void
}

/** A fresh MySQL with its own data and its defaults for durability. */
export async function startMysql(): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-mysql-'))
  const port = await freePort()
  const script = (command: string): void =>
    void execFileSync('bash', [SCRIPT, command, folder, String(port)], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { BUFFER: '1G', REDO: '1G', ...process.env },
    })
  script('install')
  script('start')
  return {
    url: `mysql://millrace:millrace@127.0.0.1:${port}`,
    port,
    stop: () => {
      script('stop')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
