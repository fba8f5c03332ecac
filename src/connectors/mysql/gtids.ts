import { GtidSet, type Gtids } from './gtid-set.ts'
import { MariadbGtids } from './mariadb-gtid.ts'

/** Reads @@gtid_executed, Previous_gtids (MySQL) or @@gtid_binlog_pos (MariaDB); white space is left out. Throws SOURCE_FAILED. */
export function parseGtids(text: string, mariadb: boolean): Gtids {
  return mariadb ? MariadbGtids.parse(text) : GtidSet.parse(text)
}

/** Whether the text is meant as MariaDB's kind: `0-1-5`, where MySQL's has a colon. */
export function isMariadbGtids(text: string): boolean {
  return text !== '' && !text.includes(':')
}
