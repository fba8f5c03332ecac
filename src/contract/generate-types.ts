/** What `millrace types URL TABLE…` asks of a connector. */
export interface TypesRequest {
  /** As given, but that a password in it is said here alone. */
  readonly url: string
  /** Apart from the URL; undefined: none was given so. */
  readonly password: string | undefined
  /** Names and patterns, as the connector's source takes them. */
  readonly tables: readonly string[]
  /** `--option KEY=VALUE`: the source's options that change what rows look like. */
  readonly options: Readonly<Record<string, string>>
}

/**
 * Exported as `generateTypes` by a connector that can say which TypeScript types its rows have: declarations for the tables asked for,
 * the same text for the same tables. Throws CONNECTOR_OPTION for options and tables that are not there.
 */
export type GenerateTypes = (request: TypesRequest) => Promise<string>
