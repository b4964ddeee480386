/** The loads that are under way, at most one that may be joined for each key. */
export interface Flights {
  /** What the running flight brings, or one that starts now. `isOvertaken` tells it whether its key changed since. */
  board(key: string, fly: (isOvertaken: () => boolean) => Promise<Landing>): Promise<Landing>
  /** What changed may or may not be in what a running flight brings: that is for those who asked before. */
  overtake(key: string): void
  overtakeAll(): void
}

export interface Landing {
  value: unknown
  /** It holds what was true then, in milliseconds since the epoch. */
  trueAt: number
  hit: boolean
}

interface Flight {
  answer: Promise<Landing>
  overtaken: boolean
}

export function createFlights(): Flights {
  const flights = new Map<string, Flight>()

  function takeOff(key: string, fly: (isOvertaken: () => boolean) => Promise<Landing>): Flight {
    const flight = { overtaken: false } as Flight // `answer` follows at once; it needs the flight itself.
    flight.answer = fly(() => flight.overtaken).finally(() => {
      if (flights.get(key) === flight) flights.delete(key)
    })
    flights.set(key, flight)
    return flight
  }

  function overtake(key: string): void {
    const flight = flights.get(key)
    if (!flight) return
    flight.overtaken = true
    flights.delete(key)
  }

  return {
    board: (key, fly) => (flights.get(key) ?? takeOff(key, fly)).answer,
    overtake,
    overtakeAll: () => {
      for (const key of [...flights.keys()]) overtake(key)
    },
  }
}
