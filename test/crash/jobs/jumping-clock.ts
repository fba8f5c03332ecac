// A wall clock that is set forth and back by up to an hour, in whatever thread loads the job.

const EVERY_MS = 150
const HOUR_MS = 3_600_000

/** Lets the time of day jump, again and again, by a fixed sequence; time that is measured goes on as it does. */
export function jumpClock(): void {
  const dayTime = Date.now
  Date.now = () => {
    const hours = ((Math.floor(performance.now() / EVERY_MS) * 7_919) % 2_001) / 1_000 - 1
    return Math.round(dayTime() + hours * HOUR_MS)
  }
}
