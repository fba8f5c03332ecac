import { expect, test } from 'vitest'
import { readStatement } from '../../../../src/connectors/mysql/ddl.ts'

const added = (clauses: string, plainBackslashes = false) => {
  const statement = readStatement(`ALTER TABLE t ${clauses}`, 'd', { ansiQuotes: false, plainBackslashes })
  return statement.kind === 'alter' ? statement.columns : statement
}

test.each([
  ['ADD COLUMN a INT', [['', 'a', 'INT']]],
  ['ADD a INT NOT NULL DEFAULT -7 FIRST', [['', 'a', 'INT NOT NULL DEFAULT-7']]],
  [
    "ADD COLUMN IF NOT EXISTS `a``b` VARCHAR(20) DEFAULT 'it''s, ok' AFTER `x y`",
    [['', 'a`b', "VARCHAR(20)DEFAULT 'it''s, ok'"]],
  ],
  [
    "ADD (a INT DEFAULT 1.5e-3, b ENUM('p','q') DEFAULT 'q'), DROP COLUMN c",
    [
      ['c', ''],
      ['', 'a', 'INT DEFAULT 1.5e-3'],
      ['', 'b', "ENUM('p','q')DEFAULT 'q'"],
    ],
  ],
  [
    "ADD a BINARY(2) DEFAULT x'4100', ADD b BIT(3) DEFAULT b'101'",
    [
      ['', 'a', "BINARY(2)DEFAULT x'4100'"],
      ['', 'b', "BIT(3)DEFAULT b'101'"],
    ],
  ],
  [
    'ADD a INT AUTO_INCREMENT UNIQUE KEY, ADD b INT PRIMARY KEY',
    [
      ['', 'a', 'INT'],
      ['', 'b', 'INT'],
    ],
  ],
  [
    'ADD a INT GENERATED ALWAYS AS (`b` + (1)) STORED CHECK (a > 1)',
    [['', 'a', 'INT GENERATED ALWAYS AS(`b`+(1))STORED']],
  ],
  ['ADD INDEX i (a), ADD UNIQUE (b), ADD PRIMARY KEY (c), ADD CONSTRAINT x CHECK (a > 0), ADD FULLTEXT KEY (d)', []],
  [
    'ADD COLUMN `index` INT, ADD COLUMN check_it INT',
    [
      ['', 'index', 'INT'],
      ['', 'check_it', 'INT'],
    ],
  ],
  [
    'ADD a INT, RENAME COLUMN b TO c, CHANGE d e INT',
    [
      ['', 'a', 'INT'],
      ['b', 'c'],
      ['d', 'e'],
    ],
  ],
])('%s', (clauses, columns) => {
  expect(added(clauses)).toEqual(columns)
})

test('text is the same whatever backslashes meant to the session', () => {
  expect(added(String.raw`ADD a TEXT DEFAULT 'it\'s \\ \n'`)).toEqual([['', 'a', `TEXT DEFAULT 'it''s \\\\ \n'`]])
  expect(added(String.raw`ADD a TEXT DEFAULT 'c:\new'`, true)).toEqual([['', 'a', String.raw`TEXT DEFAULT 'c:\\new'`]])
})
