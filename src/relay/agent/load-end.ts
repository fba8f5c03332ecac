import type { SiteEnd } from './agent-config.ts'
import type { AgentEnd } from './agent-end.ts'

/** Imports what is asked for only, so that no other driver needs to be there. */
export async function loadEnd(end: SiteEnd): Promise<AgentEnd<unknown>> {
  switch (end) {
    case 'files':
      return (await import('./ends/files-end.ts')).filesEnd
    case 'sqlite':
      return (await import('./ends/sqlite-end.ts')).sqliteEnd as AgentEnd<unknown>
    case 'mysql':
      return (await import('./ends/mysql-end.ts')).mysqlEnd as AgentEnd<unknown>
    case 'kafka':
      return (await import('./ends/kafka-end.ts')).kafkaEnd as AgentEnd<unknown>
  }
}
