/** Bytes or messages that are not as agreed: the line they came on is closed. */
export class WireFailure extends Error {
  override readonly name = 'WireFailure'

  constructor(
    /** One of REFUSALS: what the other end is told. */
    readonly code: 'PROTOCOL' | 'LIMIT' | 'VERSION',
    /** What is wrong, for people. */
    readonly reason: string,
  ) {
    super(`${code}: ${reason}`)
  }
}
