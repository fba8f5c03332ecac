// Tables of every kind, and random statements against them.

import type Libsql from 'libsql'
import type { Rng } from '../../../../src/util/rng.ts'

type Db = Libsql.Database

/** Tables of every kind, with the statements a storm may run against them. */
export const SCHEMA = `
CREATE TABLE "plain" (id INTEGER PRIMARY KEY, a TEXT, b REAL, c BLOB);
CREATE TABLE "text key" (k TEXT COLLATE NOCASE PRIMARY KEY NOT NULL, v);
CREATE TABLE "select" ("from" TEXT NOT NULL, "it's" INTEGER NOT NULL, u INTEGER UNIQUE, v, PRIMARY KEY ("it's", "from" COLLATE RTRIM)) WITHOUT ROWID;
CREATE TABLE keyless (a, b, c GENERATED ALWAYS AS (a || b) VIRTUAL);
CREATE TABLE uniques (id INTEGER PRIMARY KEY AUTOINCREMENT, x INTEGER, y TEXT, z INTEGER, UNIQUE (x), UNIQUE (y, z));
CREATE UNIQUE INDEX "partial ""index""" ON uniques (z) WHERE z > 7;
CREATE TABLE parent (id INTEGER PRIMARY KEY, v);
CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent (id) ON DELETE CASCADE ON UPDATE CASCADE, v);
CREATE TABLE strict1 (id INT NOT NULL PRIMARY KEY, i INTEGER, a ANY) STRICT;
CREATE TABLE audited (id INTEGER PRIMARY KEY, v INTEGER, n INTEGER DEFAULT 0);
CREATE TRIGGER audit AFTER INSERT ON audited BEGIN UPDATE audited SET n = n + 1 WHERE id = NEW.id; END;
`

const OR = ['', '', 'OR REPLACE', 'OR REPLACE', 'OR IGNORE', 'OR FAIL', 'OR ROLLBACK']

function statement(rng: Rng): string {
  const n = (below = 12): string => String(rng.int(below))
  const pick = (list: readonly string[]): string => list[rng.int(list.length)] as string
  const value = (): string =>
    pick([
      'NULL',
      n(),
      `'${n()}'`,
      `x'0${n(9)}ff'`,
      '1.5',
      '2.0',
      '9223372036854775807',
      '-9007199254740993',
      `'é${n()}'`,
      "''",
      `char(${n()}, 0, 65)`,
      "CAST(x'ff41' AS TEXT)",
    ])
  const text = (): string =>
    pick([`'a${n(4)}'`, `'A${n(4)}'`, `'b ${n(4)} '`, `'é${n(4)}'`, `CAST(x'ff4${n(4)}' AS TEXT)`])
  const or = pick(OR)
  return pick([
    `INSERT ${or} INTO plain VALUES (${n(30)}, ${value()}, ${pick(['1.5', '2', 'NULL'])}, ${value()})`,
    `INSERT INTO plain (a, c) VALUES (${value()}, ${value()}), (${value()}, ${value()})`,
    `UPDATE ${or} plain SET a = ${value()}, id = id + ${n(3)} WHERE id % 5 = ${n(5)}`,
    `UPDATE plain SET c = ${value()} WHERE id < ${n(20)}`,
    `DELETE FROM plain WHERE id = ${n(30)}`,
    `INSERT ${or} INTO "text key" VALUES (${text()}, ${value()})`,
    `INSERT INTO "text key" VALUES (${text()}, ${value()}) ON CONFLICT DO UPDATE SET v = excluded.v`,
    `INSERT INTO "text key" VALUES (${text()}, ${value()}) ON CONFLICT (k) DO UPDATE SET k = ${text()}, v = 7`,
    `INSERT INTO "text key" VALUES (${text()}, ${value()}) ON CONFLICT DO NOTHING`,
    `UPDATE ${or} "text key" SET k = ${text()} WHERE k = ${text()}`,
    `UPDATE "text key" SET k = upper(k)`,
    `DELETE FROM "text key" WHERE k = ${text()}`,
    `INSERT ${or} INTO "select" VALUES (${text()}, ${n(4)}, ${pick([n(6), 'NULL'])}, ${value()})`,
    `UPDATE ${or} "select" SET u = ${n(6)} WHERE "it's" = ${n(4)}`,
    `UPDATE ${or} "select" SET "it's" = ${n(4)} WHERE "it's" = ${n(4)}`,
    `DELETE FROM "select" WHERE u = ${n(6)}`,
    `INSERT INTO keyless VALUES (${value()}, ${value()})`,
    `UPDATE keyless SET a = ${value()} WHERE rowid % 4 = ${n(4)}`,
    `INSERT OR REPLACE INTO keyless (rowid, a, b) VALUES (${n(20)}, ${value()}, ${value()})`,
    `DELETE FROM keyless WHERE rowid = ${n(20)}`,
    `INSERT ${or} INTO uniques (x, y, z) VALUES (${pick([n(8), 'NULL'])}, ${text()}, ${n(10)})`,
    `INSERT ${or} INTO uniques VALUES (${n(20)}, ${n(8)}, ${text()}, ${n(10)})`,
    `UPDATE ${or} uniques SET x = ${n(8)}, z = z + ${n(2)} WHERE id % 3 = ${n(3)}`,
    `UPDATE ${or} uniques SET id = ${n(20)} WHERE x = ${n(8)}`,
    `INSERT INTO uniques (x, y, z) VALUES (${n(8)}, ${text()}, ${n(10)}) ON CONFLICT (x) DO UPDATE SET y = excluded.y ON CONFLICT DO NOTHING`,
    `INSERT ${or} INTO parent VALUES (${n(8)}, ${value()})`,
    `UPDATE ${or} parent SET id = ${n(8)} WHERE id = ${n(8)}`,
    `DELETE FROM parent WHERE id = ${n(8)}`,
    `INSERT INTO child (parent, v) SELECT id, ${value()} FROM parent`,
    `DELETE FROM child WHERE id % 3 = ${n(3)}`,
    `INSERT ${or} INTO strict1 VALUES (${n(10)}, ${n()}, ${value()})`,
    `UPDATE ${or} strict1 SET id = ${n(10)} WHERE id = ${n(10)}`,
    `INSERT ${or} INTO audited (id, v) VALUES (${n(10)}, ${n()})`,
    `DELETE FROM ${pick(['strict1', 'audited', 'keyless', 'child'])}`,
    'DROP TABLE IF EXISTS fleeting',
    `CREATE TABLE IF NOT EXISTS fleeting (id INTEGER PRIMARY KEY, ${pick(['v', 'v, w DEFAULT 7'])})`,
    `INSERT ${or} INTO fleeting (id, v) VALUES (${n(9)}, ${value()}), (1${n(9)}, ${value()})`,
    `DELETE FROM fleeting WHERE id % 3 = ${n(3)}`,
  ])
}

/** The table that comes and goes is there: a copy keeps one that is gone, empty. */
export function settleTables(db: Db): void {
  db.exec('CREATE TABLE IF NOT EXISTS fleeting (id INTEGER PRIMARY KEY, v)')
}

/** Runs a statement, alone or in a transaction that may be taken back; errors are part of the storm. */
export function disturb(db: Db, rng: Rng): void {
  const style = rng.int(8)
  const attempt = (sql: string): void => {
    try {
      db.exec(sql)
    } catch (error) {
      if (
        !/constraint|UNIQUE|FOREIGN|datatype|cannot store|no transaction|no such savepoint|no such table: fleeting/i.test(
          String(error),
        )
      )
        throw error
    }
  }
  if (style > 2) return attempt(statement(rng))
  attempt('BEGIN')
  for (let n = rng.int(5); n >= 0; n--) {
    if (style === 1) attempt('SAVEPOINT s')
    attempt(statement(rng))
    if (style === 1) attempt(rng.int(2) === 0 ? 'ROLLBACK TO s' : 'RELEASE s')
  }
  attempt(style === 2 ? 'ROLLBACK' : 'COMMIT')
}
