/** Ends the stream as soon as its listener leaves: a generator alone would first wait for its next item. */
export function endAtOnce<Item>(items: AsyncGenerator<Item, void>, leave: () => void): AsyncGenerator<Item, void> {
  const end = items.return.bind(items)
  items.return = (value) => {
    leave()
    return end(value)
  }
  return items
}
