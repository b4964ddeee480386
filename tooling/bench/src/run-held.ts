let release = async (): Promise<void> => undefined
let interrupted = false

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  process.on(signal, () => {
    interrupted = true
    const end = () => process.exit(code)
    release().then(end, end)
  })
}

/** Whatever `work` gives to `held` is let go of after it, and where a signal ends the run. */
export async function runHeld(work: (held: AsyncDisposableStack) => Promise<void>): Promise<void> {
  const held = new AsyncDisposableStack()
  let released: Promise<void> | undefined
  release = () => {
    released ??= held.disposeAsync()
    return released
  }
  try {
    await work(held)
  } catch (error) {
    // What was taken away from under the work failed with reason.
    if (!interrupted) throw error
  } finally {
    await release()
    if (interrupted) await new Promise(() => undefined)
  }
}
