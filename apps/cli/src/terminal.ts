/** Where a run of the command writes; tests give their own. */
export interface Terminal {
  out(text: string): void
  error(text: string): void
  /** Columns that help may take; those of standard output unless told. */
  width?: number
}

/** Columns as wide as their widest cell, under their names; one line where there is nothing. */
export function table(names: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return 'None.'
  const widths = names.map((name, column) => Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd()
  return [names.map((name) => name.toUpperCase()), ...rows].map(line).join('\n')
}

/** A page as a table, and how to go on after it. */
export function pageOfTable(
  names: readonly string[],
  rows: readonly (readonly string[])[],
  { nextCursor }: { nextCursor: string | null },
): string {
  return nextCursor === null ? table(names, rows) : `${table(names, rows)}\n\nMore: --cursor ${nextCursor}`
}
