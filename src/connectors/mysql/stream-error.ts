// What the server or the network says when the log cannot be read, by name and with what mends it.

import { isMillraceError, type MillraceError, reasonOf } from '../../errors.ts'
import type { ConnectionSettings } from './connection.ts'
import type { MysqlOffset } from './offset.ts'
import { gone } from './place.ts'
import { sourceFailed } from './server.ts'

interface Told {
  readonly pattern: RegExp
  /** The log is not there any more, rather than not to be read now. */
  readonly gone: boolean
  readonly advice: string
}

/** What servers say in ER_MASTER_FATAL_ERROR_READING_BINLOG and the like; MySQL's and MariaDB's words differ, and by release. */
const TOLD: readonly Told[] = [
  {
    pattern: /same server_uuid\/server_id|connection was killed|query execution was interrupted/i,
    gone: false,
    advice:
      'the server ended this dump: another reader or replica uses the same serverId, or somebody killed it. Give option serverId a number that no other reader or replica of this server has',
  },
  { pattern: /could not find first log file|could not open log file/i, gone: true, advice: 'the file was purged' },
  { pattern: /purged|too old/i, gone: true, advice: 'what comes next was purged' },
  {
    pattern:
      /impossible position|position > file size|more GTIDs than|not in the master's binlog|not found in (the )?binlog|bogus data/i,
    gone: true,
    advice: 'the log was reset, or an older backup was restored',
  },
  {
    pattern: /max_allowed_packet/i,
    gone: false,
    advice: 'an event is longer than the server may send: SET GLOBAL max_allowed_packet = 1073741824',
  },
  {
    pattern: /REPLICATION (SLAVE|MASTER|REPLICA)/i,
    gone: false,
    advice: 'the account may not read the log: GRANT REPLICATION SLAVE ON *.* TO it',
  },
  {
    pattern: /REPLICATION CLIENT|BINLOG MONITOR/i,
    gone: false,
    advice: 'the account may not ask where the log is: GRANT REPLICATION CLIENT ON *.* TO it',
  },
  {
    pattern: /log is not open|not using binary logging/i,
    gone: false,
    advice: 'the server writes no binary log: set log_bin in its configuration and start it again',
  },
  { pattern: /gtid_mode/i, gone: false, advice: 'the place needs GTIDs, and gtid_mode is not ON' },
  {
    pattern: /ER_ACCESS_DENIED_ERROR|access denied for user/i,
    gone: false,
    advice: 'the server does not know this user with this password',
  },
]

/** The error that ends reading the log at a place, for what the driver gave. Never says a password. */
export function streamError(error: unknown, settings: ConnectionSettings, place: MysqlOffset): MillraceError {
  if (isMillraceError(error)) return error
  const reason = hidden(reasonOf(error), settings.password)
  const server = `${settings.host}:${settings.port}`
  const told = TOLD.find(({ pattern }) => pattern.test(reason))
  if (told?.gone) return gone(place, `${told.advice} (${server} says: ${reason})`)
  if (told !== undefined) return sourceFailed(`${told.advice} (${server} says: ${reason})`)
  return sourceFailed(`no connection to ${server} as ${settings.user}, or it was lost: ${reason}`)
}

function hidden(text: string, password: string): string {
  return password === '' ? text : text.replaceAll(password, '***')
}
