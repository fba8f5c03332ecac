/** What `millrace CONNECTOR REPORT JOB` asks of a connector. */
export interface ReportRequest {
  readonly job: string
  /** Options of the connection, as a source of the connector takes them. */
  readonly connection: Readonly<Record<string, unknown>>
  /** Flags of the report that were given. */
  readonly flags: Readonly<Record<string, readonly string[]>>
}

/** A cell: a time is shown by its distance from now; null is empty. */
export type ReportCell = string | number | null | { readonly atMs: number }

/** One table of a report. */
export interface ReportTable {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly ReportCell[])[]
  /** What is said where there are no rows. */
  readonly none: string
}

/** What a connector tells about a job. */
export interface Report {
  readonly tables: readonly ReportTable[]
  /** The same for programs, as plain data. */
  readonly data: unknown
}

/**
 * Exported in `reports`, by name, by a connector that can say what the system it connects to holds of a job. Throws CONNECTOR_OPTION
 * for a connection that cannot be, and IO where the system does not answer or does not allow it.
 */
export type MakeReport = (request: ReportRequest) => Promise<Report>
