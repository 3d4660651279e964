/**
 * Finds any of many byte patterns in one pass (Aho and Corasick, 1975). States are numbered breadth first: 0 is the
 * root, then come the states one byte deep. These have a complete table of 256 transitions; deeper states, of which
 * there are many and which text rarely reaches, have a list of children and a state to fall back to.
 */
export interface Automaton {
  /** States below this number have a row in `table`. */
  tabled: number
  table: Int32Array
  firstChild: Int32Array
  nextSibling: Int32Array
  label: Uint8Array
  fallback: Int32Array
  /** How many bytes of the text so far are the beginning of some pattern. */
  depth: Int32Array
  /** Length of the longest pattern that ends in this state, 0 for none. */
  ends: Int32Array
}

export function buildAutomaton(patterns: Buffer[]): Automaton {
  const trie = buildTrie(patterns)
  const order = breadthFirst(trie)
  const count = order.length
  const number = new Int32Array(count)
  order.forEach((old, index) => {
    number[old] = index
  })
  const automaton: Automaton = {
    tabled: 0,
    table: new Int32Array(0),
    firstChild: new Int32Array(count),
    nextSibling: new Int32Array(count),
    label: new Uint8Array(count),
    fallback: new Int32Array(count),
    depth: new Int32Array(count),
    ends: new Int32Array(count),
  }
  order.forEach((old, index) => {
    automaton.firstChild[index] = trie.firstChild[old] ? number[trie.firstChild[old]!]! : 0
    automaton.nextSibling[index] = trie.nextSibling[old] ? number[trie.nextSibling[old]!]! : 0
    automaton.label[index] = trie.label[old]!
    automaton.depth[index] = trie.depth[old]!
    automaton.ends[index] = trie.terminal[old] ? trie.depth[old]! : 0
  })
  fillTable(automaton)
  fillFallbacks(automaton)
  return automaton
}

interface Trie {
  firstChild: number[]
  nextSibling: number[]
  label: number[]
  depth: number[]
  terminal: boolean[]
}

function buildTrie(patterns: Buffer[]): Trie {
  const trie: Trie = { firstChild: [0], nextSibling: [0], label: [0], depth: [0], terminal: [false] }
  for (const pattern of patterns) {
    let state = 0
    for (const byte of pattern) {
      let child = trie.firstChild[state]!
      while (child !== 0 && trie.label[child] !== byte) child = trie.nextSibling[child]!
      if (child === 0) {
        child = trie.label.length
        trie.label.push(byte)
        trie.depth.push(trie.depth[state]! + 1)
        trie.terminal.push(false)
        trie.firstChild.push(0)
        trie.nextSibling.push(trie.firstChild[state]!)
        trie.firstChild[state] = child
      }
      state = child
    }
    if (state !== 0) trie.terminal[state] = true
  }
  return trie
}

function breadthFirst({ firstChild, nextSibling }: Trie): number[] {
  const order = [0]
  for (let index = 0; index < order.length; index++) {
    for (let child = firstChild[order[index]!]!; child !== 0; child = nextSibling[child]!) order.push(child)
  }
  return order
}

function fillTable(automaton: Automaton): void {
  const { depth, firstChild, nextSibling, label } = automaton
  let tabled = 1
  while (tabled < depth.length && depth[tabled] === 1) tabled++
  const table = new Int32Array(tabled * 256)
  for (let state = 0; state < tabled; state++) {
    // What a state of one byte does not continue is read as if from the root, which is row 0 and already complete.
    if (state > 0) table.copyWithin(state * 256, 0, 256)
    for (let child = firstChild[state]!; child !== 0; child = nextSibling[child]!) {
      table[state * 256 + label[child]!] = child
    }
  }
  automaton.tabled = tabled
  automaton.table = table
}

function fillFallbacks(automaton: Automaton): void {
  const { firstChild, nextSibling, label, fallback, ends } = automaton
  for (let state = 0; state < label.length; state++) {
    for (let child = firstChild[state]!; child !== 0; child = nextSibling[child]!) {
      fallback[child] = state === 0 ? 0 : step(automaton, fallback[state]!, label[child]!)
      if (ends[child] === 0) ends[child] = ends[fallback[child]!]!
    }
  }
}

/** The state after one more byte. */
export function step(
  { tabled, table, firstChild, nextSibling, label, fallback }: Automaton,
  from: number,
  byte: number,
) {
  let state = from
  while (state >= tabled) {
    let child = firstChild[state]!
    while (child !== 0 && label[child] !== byte) child = nextSibling[child]!
    if (child !== 0) return child
    state = fallback[state]!
  }
  return table[state * 256 + byte]!
}
