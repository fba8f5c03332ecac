// MySQL and MariaDB servers of this test run, each a process of its own.

import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { MysqlConnection, parseConnectionOptions } from '../../src/connectors/mysql/connection.ts'
import { createServerProcess, ServerProcess, servicesCache } from './server-process.ts'

export type Flavour = 'mysql' | 'mariadb'

/** Whether test/services/<flavour>.sh has installed the server; the same rules as there. */
export function isInstalled(flavour: Flavour): boolean {
  if (flavour === 'mariadb')
    return `${process.env.PATH}${delimiter}/usr/sbin`
      .split(delimiter)
      .some((folder) => existsSync(join(folder, 'mariadbd')))
  return existsSync(join(process.env.MYSQL_ROOT ?? join(servicesCache(), 'mysql-root'), 'usr/sbin/mysqld'))
}

/** How an instance is set up. */
export interface ServerOptions {
  /** Options of the server, e.g. `--binlog-row-image=MINIMAL`. */
  readonly options?: readonly string[]
  /** Default: the server's own; relaxed: no commit waits for the disk. */
  readonly durability?: 'default' | 'relaxed' | 'strict'
  /** Of InnoDB's pages, default 64M. */
  readonly buffer?: string
}

/** One server process, which tests may stop, kill and start again. */
export class MysqlProcess extends ServerProcess {
  readonly flavour: Flavour

  private constructor(flavour: Flavour, folder: string, port: number, options: ServerOptions) {
    const { buffer = '64M', durability = 'default' } = options
    super(flavour, folder, port, {
      options: options.options ?? [],
      env: { BUFFER: buffer, REDO: '64M', DURABILITY: durability, TEMPLATE: join(folder, `../template-${flavour}`) },
    })
    this.flavour = flavour
  }

  /** A fresh server below the run's folder. */
  static create(flavour: Flavour, runFolder: string, options: ServerOptions = {}): Promise<MysqlProcess> {
    const make = (folder: string, port: number): MysqlProcess => new MysqlProcess(flavour, folder, port, options)
    return createServerProcess(runFolder, flavour, 1, make)
  }

  url(database = ''): string {
    return `mysql://millrace:millrace@127.0.0.1:${this.port}/${encodeURIComponent(database)}`
  }
}

/** A session; the caller closes it. */
export function connectTo(url: string): Promise<MysqlConnection> {
  return MysqlConnection.open(parseConnectionOptions({ url }, 'test'), { multipleStatements: true })
}
