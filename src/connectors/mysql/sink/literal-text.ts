/** Text as a SQL literal, for sessions with NO_BACKSLASH_ESCAPES. */
export function textLiteral(text: string): string {
  return text.includes("'") ? `'${text.replaceAll("'", "''")}'` : `'${text}'`
}
