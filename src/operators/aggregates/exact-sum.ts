// The exact sum of floating-point numbers, as numbers that do not overlap, the smallest first (Shewchuk's expansions). What is
// taken out leaves no trace, whatever the order; a running `sum - x` would keep the rounding errors of all that has passed.

/** Adds x to the sum in place. Empty is zero. */
export function addToExactSum(parts: number[], x: number): void {
  const only = parts[0]
  if (parts.length < 2 && Number.isSafeInteger(x) && Number.isSafeInteger((only ?? 0) + x)) {
    if (only === undefined || Number.isSafeInteger(only)) {
      parts[0] = (only ?? 0) + x
      return
    }
  }
  let carry = x
  let kept = 0
  for (const part of parts) {
    const isLarger = Math.abs(part) > Math.abs(carry)
    const large = isLarger ? part : carry
    const small = isLarger ? carry : part
    const sum = large + small
    const rest = small - (sum - large)
    if (rest !== 0) {
      parts[kept] = rest
      kept += 1
    }
    carry = sum
  }
  parts.length = kept
  parts.push(carry)
}

/** The number nearest to the sum. */
export function roundExactSum(parts: readonly number[]): number {
  let at = parts.length - 1
  let sum = parts[at] ?? 0
  let rest = 0
  while (at > 0 && rest === 0) {
    at -= 1
    const before = sum
    const part = parts[at] as number
    sum = before + part
    rest = part - (sum - before)
  }
  // Halfway between two numbers the parts below decide which is nearest.
  const below = parts[at - 1] ?? 0
  if (rest !== 0 && Math.sign(rest) === Math.sign(below)) {
    const doubled = rest * 2
    const other = sum + doubled
    if (other - sum === doubled) return other
  }
  return sum
}
