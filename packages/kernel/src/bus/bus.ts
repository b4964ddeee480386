/**
 * Tells every process of the installation, this one included, that something changed. A message may be lost and is
 * never late by much: whoever must not miss one reads the database as well.
 */
export interface Bus {
  /** Never throws; `message` must be plain JSON. */
  publish(channel: string, message: unknown): Promise<void>
  /** Answers the way to stop listening. */
  subscribe(channel: string, listener: (message: unknown) => void): () => void
  /** Messages may have been lost: the connection is back. Answers the way to stop listening. */
  onRecovered(listener: () => void): () => void
  close(): Promise<void>
}
