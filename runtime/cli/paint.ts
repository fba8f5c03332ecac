const CODES = { bold: [1, 22], dim: [2, 22], red: [31, 39], green: [32, 39], yellow: [33, 39], cyan: [36, 39] } as const

/** Text in a style, if colours are wanted. */
export function paint(style: keyof typeof CODES, text: string, color: boolean): string {
  const [on, off] = CODES[style]
  return color && text !== '' ? `\x1b[${on}m${text}\x1b[${off}m` : text
}

/** Whether this stream is to get colours: NO_COLOR and FORCE_COLOR as everybody reads them, else only terminals. */
export function wantsColor(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0'
  return stream.isTTY === true && env.TERM !== 'dumb'
}
