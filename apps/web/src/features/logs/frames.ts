/** One event of a stream. https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */
export interface Frame {
  event: string
  data: string
  id: string
}

/**
 * Takes the text of an event stream as it arrives and tells its whole events; of one that was cut off nothing is told.
 * The server ends lines with `\n` only.
 */
export function frameReader(hear: (frame: Frame) => void): (text: string) => void {
  let rest = ''
  return (text) => {
    rest += text
    let from = 0
    for (let end = rest.indexOf('\n\n'); end >= 0; end = rest.indexOf('\n\n', from)) {
      const frame = frameOf(rest.slice(from, end))
      if (frame) hear(frame)
      from = end + 2
    }
    rest = rest.slice(from)
  }
}

function frameOf(text: string): Frame | null {
  const frame: Frame = { event: 'message', data: '', id: '' }
  const data: string[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('data: ')) data.push(line.slice(6))
    else if (line.startsWith('event: ')) frame.event = line.slice(7)
    else if (line.startsWith('id: ')) frame.id = line.slice(4)
  }
  // Comments keep a connection alive and say nothing.
  if (data.length === 0) return null
  frame.data = data.join('\n')
  return frame
}
