/** A whole number of thousandths, not negative, as a decimal number with three digits: 29537 is '29.537'. Exact up to 2^53. */
export function thousandths(value: number): string {
  const rest = value % 1000
  return `${(value - rest) / 1000}.${String(rest).padStart(3, '0')}`
}
