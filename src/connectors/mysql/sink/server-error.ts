// What errors of the server and the driver mean to a sink.

import { MillraceError, reasonOf } from '../../../errors.ts'
import type { ErrorClass } from '../../sql/dialect.ts'
import { RowRefusal } from './row-refusal.ts'

const RETRY = new Set([1205, 1213, 1614, 3058, 3572, 3101, 1020])
const CONNECT = new Set([
  1040, 1042, 1043, 1053, 1077, 1079, 1080, 1152, 1158, 1159, 1160, 1161, 1184, 1203, 1226, 1290, 1317, 1836, 1927,
  1792, 3024, 3032, 4031, 1021,
])
const ROW = new Set([
  1048, 1062, 1138, 1230, 1263, 1264, 1265, 1292, 1364, 1366, 1367, 1406, 1411, 1416, 1440, 1441, 1451, 1452, 1525,
  1526, 1557, 1586, 1690, 1739, 1748, 1761, 1859, 3140, 3141, 3156, 3643, 3819, 3854, 3903, 4025, 4078, 6138, 118, 1210,
  1118, 139, 3037, 3055, 3617, 3988, 1300, 1105, 1153,
])

interface ServerError {
  readonly errno?: number
  readonly code?: string
  readonly fatal?: boolean
}

/** What an error of the driver means. */
export function classOfError(error: unknown): ErrorClass {
  if (error instanceof RowRefusal) return 'row'
  if (error instanceof MillraceError) return 'fatal'
  const { errno, code, fatal } = error as ServerError
  if (errno !== undefined && RETRY.has(errno)) return 'retry'
  if (errno !== undefined && ROW.has(errno)) return 'row'
  if (errno !== undefined && CONNECT.has(errno)) return 'connect'
  // Errors of the socket have no number of the server's.
  if (code !== undefined && /^(E[A-Z]+|PROTOCOL_CONNECTION_LOST|PROTOCOL_SEQUENCE_TIMEOUT)$/.test(code))
    return 'connect'
  if (fatal === true && (errno === undefined || errno < 1000)) return 'connect'
  return 'fatal'
}

/** What to do about it, where it can be said. */
const MENDS: Readonly<Record<number, string>> = {
  1044: 'GRANT ALL PRIVILEGES ON the database TO the account',
  1045: 'check user and password',
  1049: 'CREATE DATABASE, or give another one',
  1142: 'GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP ON the database TO the account',
  1153: 'SET GLOBAL max_allowed_packet to more than the longest row takes',
  1290: 'the server is read-only: connect to the one that is written',
  1665: 'SET GLOBAL binlog_format = ROW on the target',
}

/** One line: the server's words, and what mends it. */
export function explainError(error: unknown): string {
  const mend = MENDS[(error as ServerError).errno ?? 0]
  const reason = reasonOf(error) || String((error as ServerError).code)
  return mend === undefined ? reason : `${reason}: ${mend}`
}
