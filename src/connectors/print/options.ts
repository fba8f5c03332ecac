export interface PrintOptions {
  /** Put before each line. Default: nothing. */
  readonly prefix?: string
  /** Default: texts as they are, everything else on one line as util.inspect shows it. */
  readonly format?: (record: unknown) => string
}
