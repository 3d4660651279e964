interface TreeEntry {
  name: string
  kind: 'file' | 'folder' | 'link' | 'submodule'
  id: string
}

/** A tree object: `<mode> <name>\0<20 bytes of id>`, again and again. */
export function parseTree(body: Buffer): TreeEntry[] {
  const entries: TreeEntry[] = []
  for (let at = 0; at < body.length; ) {
    const space = body.indexOf(32, at)
    const end = body.indexOf(0, space)
    if (space < 0 || end < 0 || end + 21 > body.length) break
    entries.push({
      name: body.subarray(space + 1, end).toString('utf8'),
      kind: kindOf(body.subarray(at, space).toString('latin1')),
      id: body.subarray(end + 1, end + 21).toString('hex'),
    })
    at = end + 21
  }
  return entries
}

function kindOf(mode: string): TreeEntry['kind'] {
  if (mode === '40000') return 'folder'
  if (mode === '120000') return 'link'
  return mode === '160000' ? 'submodule' : 'file'
}
