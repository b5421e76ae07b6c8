/** What has changed in a cluster since somebody has looked last. */
export class Touched {
  isFirst = false
  readonly namespaces = new Set<string>()
  /** Keys of Services, and names relative to theirs. */
  readonly services = new Map<string, Set<string>>()
  readonly pods = new Set<string>()
  readonly addresses = new Set<string>()

  get size(): number {
    const { isFirst, namespaces, services, pods, addresses } = this
    return (isFirst ? 1 : 0) + namespaces.size + services.size + pods.size + addresses.size
  }

  namesOf(service: string): Set<string> {
    let names = this.services.get(service)
    if (names === undefined) {
      names = new Set()
      this.services.set(service, names)
    }
    return names
  }
}
