/** No block is smaller: an answer without a record takes more. */
const SMALLEST_BLOCK_WORDS = 16
const NO_CLASS = -1
const NOWHERE = -1
/** Classes above one that will do for it: blocks of up to twice the size. */
const NEAR_CLASSES = 4

/**
 * Gives out and takes back blocks of the pages. Belongs to the writer; its books are in its heap, but for the chains of free blocks, which
 * lie in those.
 *
 * A page is cut into blocks of one size, and is nobody's again when all of them are free: so what comes and goes in whatever sizes leaves
 * no splinters. `drain` makes it so for a page whose size is not wanted any more. A block is taken back in two steps: from `retire` on it is
 * nobody's, but may be read; from `free` on it may be used.
 */
export class PageMemory {
  readonly pageCount: number
  readonly #words: Int32Array
  readonly #firstWord: number
  readonly #pageWords: number
  /** Of each class of sizes, from the largest to the smallest: how many blocks a page is cut into, and how large they are. */
  readonly #blocksPerPage: readonly number[]
  readonly #blockWords: readonly number[]
  readonly #classOf: Int8Array
  readonly #isDraining: Uint8Array
  /** Blocks that are not free, and those of them that are retired. */
  readonly #taken: Uint16Array
  readonly #retired: Uint16Array
  /** Blocks that have never been given out stand behind the others. */
  readonly #cut: Uint16Array
  /** The first block of the chain of those that were; 0 for none. */
  readonly #freed: Int32Array
  /** Pages with free blocks, in a chain for each class. */
  readonly #next: Int32Array
  readonly #previous: Int32Array
  readonly #first: Int32Array
  /** Pages that are nobody's: a stack. */
  readonly #free: Int32Array
  #freeCount = 0
  #drainingCount = 0
  /** Of each class, blocks that are free or will be. */
  readonly #supply: Int32Array
  #usedWords = 0

  /** The pages are from `firstWord` on to the end. */
  constructor(words: Int32Array, firstWord: number, pageBytes: number) {
    const pageWords = pageBytes / 4
    const pageCount = Math.floor((words.length - firstWord) / pageWords)
    this.#words = words
    this.#firstWord = firstWord
    this.#pageWords = pageWords
    this.pageCount = pageCount
    this.#blocksPerPage = blocksPerPage(pageWords / SMALLEST_BLOCK_WORDS)
    this.#blockWords = this.#blocksPerPage.map((blocks) => 2 * Math.floor(pageWords / blocks / 2))
    this.#first = new Int32Array(this.#blocksPerPage.length).fill(NOWHERE)
    this.#supply = new Int32Array(this.#blocksPerPage.length)
    this.#classOf = new Int8Array(pageCount).fill(NO_CLASS)
    this.#isDraining = new Uint8Array(pageCount)
    this.#taken = new Uint16Array(pageCount)
    this.#retired = new Uint16Array(pageCount)
    this.#cut = new Uint16Array(pageCount)
    this.#freed = new Int32Array(pageCount)
    this.#next = new Int32Array(pageCount)
    this.#previous = new Int32Array(pageCount)
    this.#free = new Int32Array(pageCount)
    for (let page = pageCount - 1; page >= 0; page--) this.#free[this.#freeCount++] = page
  }

  get pageBytes(): number {
    return 4 * this.#pageWords
  }

  /** The class of the smallest blocks that hold so many bytes, at most a page. */
  classFor(bytes: number): number {
    let sizeClass = this.#blockWords.length - 1
    while (4 * this.#blockWords[sizeClass]! < bytes) sizeClass--
    return sizeClass
  }

  blocksPerPage(sizeClass: number): number {
    return this.#blocksPerPage[sizeClass]!
  }

  /** Of blocks that have been given out and not been freed yet. */
  get usedBytes(): number {
    return 4 * this.#usedWords
  }

  /** Pages that any size can have, or will have once nobody reads what was in them. */
  get comingPages(): number {
    return this.#freeCount + this.#drainingCount
  }

  /** Blocks that will do for a class and can be had without another page, or will be once nobody reads what was in them. */
  supplyOf(sizeClass: number): number {
    let supply = 0
    for (let near = sizeClass; near >= sizeClass - NEAR_CLASSES && near >= 0; near--) supply += this.#supply[near]!
    return supply
  }

  /** The word at which a block begins that is large enough for a class; 0 for none. `sparing` pages are left for those who find nothing else. */
  allocate(sizeClass: number, sparing: number): number {
    let page = this.#first[sizeClass]!
    if (page === NOWHERE && this.#freeCount > sparing) page = this.#begin(sizeClass)
    for (let near = sizeClass - 1; page === NOWHERE && near >= sizeClass - NEAR_CLASSES && near >= 0; near--) {
      page = this.#first[near]!
    }
    if (page === NOWHERE) page = this.#begin(sizeClass)
    return page === NOWHERE ? 0 : this.#takeFrom(page)
  }

  /** The block is not in use any more, but may still be read. Returns its size in bytes. */
  retire(block: number): number {
    const page = this.pageOf(block)
    this.#retired[page]!++
    if (this.#isDraining[page] === 0) this.#supply[this.#classOf[page]!]!++
    return 4 * this.#blockWords[this.#classOf[page]!]!
  }

  /** Nobody can read the block any more, which was retired. */
  free(block: number): void {
    const page = this.pageOf(block)
    const sizeClass = this.#classOf[page]!
    const isChained = this.#hasFree(page)
    this.#words[block] = this.#freed[page]!
    this.#freed[page] = block
    this.#retired[page]!--
    this.#taken[page]!--
    this.#usedWords -= this.#blockWords[sizeClass]!
    if (this.#isDraining[page] === 1) {
      if (this.#taken[page] === 0) this.#giveUp(page)
      return
    }
    if (!isChained) this.#chain(page)
    if (this.#taken[page] === 0) {
      this.#leaveClass(page)
      this.#giveUp(page)
    }
  }

  pageOf(block: number): number {
    return Math.floor((block - this.#firstWord) / this.#pageWords)
  }

  /** Gives out no more blocks of a page: it is nobody's when those in use have been freed. It may be so by now. */
  drain(page: number): void {
    if (this.#classOf[page] === NO_CLASS || this.#isDraining[page] === 1) return
    this.#leaveClass(page)
    this.#isDraining[page] = 1
    this.#drainingCount++
  }

  /** Calls `visit` with each block of a page that has ever been given out since the page was begun. */
  visitBlocks(page: number, visit: (block: number) => void): void {
    if (this.#classOf[page] === NO_CLASS) return
    const start = this.#firstWord + page * this.#pageWords
    const size = this.#blockWords[this.#classOf[page]!]!
    for (let i = 0; i < this.#cut[page]!; i++) visit(start + i * size)
  }

  #takeFrom(page: number): number {
    const sizeClass = this.#classOf[page]!
    const size = this.#blockWords[sizeClass]!
    const freed = this.#freed[page]!
    this.#taken[page]!++
    this.#supply[sizeClass]!--
    this.#usedWords += size
    if (freed !== 0) this.#freed[page] = this.#words[freed]!
    if (!this.#hasFree(page)) this.#unchain(page)
    return freed !== 0 ? freed : this.#firstWord + page * this.#pageWords + this.#cut[page]!++ * size
  }

  #begin(sizeClass: number): number {
    if (this.#freeCount === 0) return NOWHERE
    const page = this.#free[--this.#freeCount]!
    this.#classOf[page] = sizeClass
    this.#cut[page] = 0
    this.#freed[page] = 0
    this.#supply[sizeClass]! += this.#blocksPerPage[sizeClass]!
    this.#chain(page)
    return page
  }

  /** What a page has is not counted for its class any more, and not given out. */
  #leaveClass(page: number): void {
    const sizeClass = this.#classOf[page]!
    if (this.#hasFree(page)) this.#unchain(page)
    this.#supply[sizeClass]! -= this.#blocksPerPage[sizeClass]! - this.#taken[page]! + this.#retired[page]!
  }

  #giveUp(page: number): void {
    this.#drainingCount -= this.#isDraining[page]!
    this.#isDraining[page] = 0
    this.#classOf[page] = NO_CLASS
    this.#free[this.#freeCount++] = page
  }

  #hasFree(page: number): boolean {
    return this.#taken[page]! < this.#blocksPerPage[this.#classOf[page]!]!
  }

  #chain(page: number): void {
    const sizeClass = this.#classOf[page]!
    const next = this.#first[sizeClass]!
    this.#next[page] = next
    this.#previous[page] = NOWHERE
    if (next !== NOWHERE) this.#previous[next] = page
    this.#first[sizeClass] = page
  }

  #unchain(page: number): void {
    const next = this.#next[page]!
    const previous = this.#previous[page]!
    if (next !== NOWHERE) this.#previous[next] = previous
    if (previous === NOWHERE) this.#first[this.#classOf[page]!] = next
    else this.#next[previous] = next
  }
}

/** 1 to 8, and then four steps a doubling, so that at most a fifth of a block is lost. */
function blocksPerPage(most: number): number[] {
  const counts: number[] = []
  for (let count = 1; count <= most; count += count < 8 ? 1 : 2 ** Math.floor(Math.log2(count) - 2)) counts.push(count)
  return counts
}
