import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LiveScreen } from '../../../runtime/cli/live-screen.ts'
import { ScreenEmulator } from '../../support/screen-emulator.ts'

function screen(columns = 20): { emulator: ScreenEmulator; live: LiveScreen } {
  const emulator = new ScreenEmulator(columns)
  return { emulator, live: new LiveScreen(emulator) }
}

describe('a live screen', () => {
  it('keeps its lines at the end, in place', () => {
    const { emulator, live } = screen()
    live.draw(['one', 'two long'])
    live.draw(['three', 'two'])
    expect(emulator.text).toBe('three\ntwo\n')
    live.draw(['only'])
    expect(emulator.text).toBe('only\n')
  })

  it('I2: prints whole lines above; an unfinished one waits', () => {
    const { emulator, live } = screen()
    live.draw(['view'])
    const write = (text: string): boolean => emulator.write(text)
    live.feed('out 1\nou', write)
    expect(emulator.text).toBe('out 1\nview\n')
    live.print('log\n')
    live.feed('t 2\n', write)
    expect(emulator.text).toBe('out 1\nlog\nout 2\nview\n')
    live.feed('no end', write)
    live.end(write)
    expect(emulator.text).toBe('out 1\nlog\nout 2\nno end')
  })

  it('leaves nothing behind when the terminal became narrower and wrapped what was drawn', () => {
    const { emulator, live } = screen(20)
    live.draw(['0123456789abcde', 'second'])
    const narrow = new ScreenEmulator(6)
    narrow.write('0123456789abcde\nsecond\n')
    emulator.columns = 6
    const moved: string[] = []
    emulator.write = (text) => moved.push(text) > 0
    live.draw(['new'])
    for (const text of moved) narrow.write(text)
    expect(narrow.text).toBe('new\n')
  })

  it('whatever is drawn and printed: the printed lines in order, then the last view', () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'b', ' ', 'z'), maxLength: 30 })
    const step = fc.oneof(
      fc.record({
        draw: fc.array(
          line.map((text) => text.slice(0, 10)),
          { maxLength: 4 },
        ),
      }),
      fc.record({ print: line.map((text) => text.slice(0, 10)) }),
    )
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const { emulator, live } = screen(10)
        const printed: string[] = []
        let view: readonly string[] = []
        for (const each of steps) {
          if ('draw' in each) {
            view = each.draw
            live.draw(view)
          } else {
            printed.push(each.print)
            live.print(`${each.print}\n`)
          }
        }
        expect(emulator.text).toBe([...printed, ...view, ''].map((text) => text.trimEnd()).join('\n'))
        live.end()
        expect(emulator.text).toBe([...printed, ''].map((text) => text.trimEnd()).join('\n'))
      }),
    )
  })
})
