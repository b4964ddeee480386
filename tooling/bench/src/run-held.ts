const open: AsyncDisposableStack[] = []
let interrupted = false

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    interrupted = true
    const end = () => process.exit(code)
    releaseAll().then(end, end)
  })
}

/** The last first, as what it stands on is let go of after it. */
async function releaseAll(): Promise<void> {
  for (const held of open.toReversed()) await held.disposeAsync()
}

/** Whatever `work` gives to `held` is let go of after it, and where a signal ends the run. */
export async function runHeld(work: (held: AsyncDisposableStack) => Promise<void>): Promise<void> {
  const held = new AsyncDisposableStack()
  open.push(held)
  try {
    await work(held)
  } catch (error) {
    // What was taken away from under the work failed with reason.
    if (!interrupted) throw error
  } finally {
    await held.disposeAsync()
    if (interrupted) await new Promise(() => undefined)
    open.splice(open.indexOf(held), 1)
  }
}
