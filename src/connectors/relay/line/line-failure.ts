/** Why there is no line: one of REFUSALS, or UNREACHABLE, SECURITY (certificates or keys), CREDENTIALS (they cannot be read). */
export class LineFailure extends Error {
  override readonly name = 'LineFailure'

  constructor(
    readonly code: string,
    /** For people; says no secret. */
    readonly reason: string,
    /** False if trying again may help. */
    readonly fatal = false,
  ) {
    super(`${code}: ${reason}`)
  }
}
