/** A control that can be pressed, as it was found on a page. */
export interface Control {
  /** Role and accessible name, digits as `#` and names as `*`: the rows of a list have the same controls. */
  kind: string
  href: string | null
  /** The tag, with the type of an input. */
  what: string
  isCurrent: boolean
  isInForm: boolean
}

export interface Presses {
  /** What can be pressed: in the open dialog or menu, else on the page but for what `skip` names. */
  controls(skip: string | null): Control[]
  /** Marks the first control of a kind as `[data-pressed-next]`. */
  mark(kind: string, skip: string | null): boolean
  /** How many dialogs and menus are open. */
  depth(): number
  /** From now on what changes, changes by itself. */
  rest(): void
  /** From now on what changes, changes because of the press. */
  begin(): void
  follows(): string[]
}

/** Runs in the page before anything of its own. */
export function preparePresses(): void {
  // Nothing is kept from one press to the next; the blank page before the first has no storage.
  if (location.protocol.startsWith('http')) localStorage.clear()
  const selector =
    'a[href],button,summary,select,input:not([type=hidden]),textarea,[role=button],[role=tab],[role=menuitem],' +
    '[role=menuitemradio],[role=menuitemcheckbox],[role=option],[role=switch],[role=checkbox],[role=treeitem]'
  const layers = '[role=dialog],[role=alertdialog],[role=menu],[role=listbox]'
  const isSeen = (element: Element) =>
    element.checkVisibility({ visibilityProperty: true }) && element.getClientRects().length > 0

  const nameOf = (element: Element): string => {
    const by = element.getAttribute('aria-labelledby')?.split(' ')[0]
    const label = 'labels' in element ? (element as HTMLInputElement).labels?.[0]?.textContent : null
    const text =
      element.getAttribute('aria-label') ??
      (by && document.getElementById(by)?.textContent) ??
      label ??
      element.textContent ??
      ''
    return (text.trim() || element.getAttribute('title') || '').replace(/\s+/g, ' ').slice(0, 80)
  }
  const open = () => [...document.querySelectorAll(layers)].filter((one) => isSeen(one) && !one.matches('select'))
  const usable = (skip: string | null): Element[] => {
    const top = open().at(-1)
    return [...(top ?? document.body).querySelectorAll(selector)].filter(
      (element) =>
        isSeen(element) &&
        !element.matches(':disabled,[aria-disabled=true],[data-disabled]') &&
        element.closest('[inert]') === null &&
        (top !== undefined || element.closest('[aria-hidden=true]') === null) &&
        (skip === null || top !== undefined || element.closest(skip) === null),
    )
  }
  const describe = (element: Element): Control => {
    const href = element instanceof HTMLAnchorElement ? element.href : null
    const what = element instanceof HTMLInputElement ? `input ${element.type}` : element.localName
    // Links of rows are alike when they lead to the same kind of page.
    const target = href && new URL(href)
    const name = target
      ? `${target.origin === location.origin ? '' : target.origin}${target.pathname}${target.search.replace(/=[^&]*/g, '')}${target.hash}`.replace(
          /\/(dev|staging|production)\b/,
          '/*',
        )
      : nameOf(element)
          .replace(/\b(dev|staging|production)\b/g, '*')
          .replace(/(#\d+ · ).*/, '$1*')
    return {
      kind: `${element.getAttribute('role') ?? what} ${name.replace(/\d+/g, '#')}`,
      href,
      what,
      isCurrent:
        element.matches('[aria-current]:not([aria-current=false]),[aria-selected=true],[aria-pressed=true]') ||
        href === location.href,
      isInForm: element.closest(`form,${layers}`) !== null,
    }
  }

  let moving = new WeakSet<Node>()
  let isResting = false
  let events: string[] = []
  let before = ''
  let placed = ''
  const passing = /^(data-focus|data-highlighted|data-pressed-next|style$|tabindex$|aria-activedescendant$)/
  const serial = (node: Node): string => {
    if (moving.has(node)) return '~'
    if (node.nodeType === Node.TEXT_NODE) return (node.textContent ?? '').replace(/\d+/g, '#')
    // What the clock changes is not what a press changes.
    if (!(node instanceof Element) || node.matches('time,style,script')) return ''
    const kept = [...node.attributes]
      .filter(({ name }) => !passing.test(name))
      .map(({ name, value }) => `${name}=${value.replace(/\d+/g, '#')}`)
    const value =
      node instanceof HTMLInputElement || node instanceof HTMLTextAreaElement
        ? `${node.value} ${'checked' in node && node.checked}`
        : node instanceof HTMLSelectElement && node.closest('form') !== null
          ? node.value
          : ''
    return `<${node.localName} ${kept} ${value}>${[...node.childNodes].map(serial).join('')}`
  }
  const scrolled = () => [scrollX, scrollY, ...[...document.querySelectorAll('*')].map((one) => one.scrollTop)].join()

  new MutationObserver((changes) => {
    if (!isResting) return
    for (const { target, attributeName } of changes) if (!passing.test(attributeName ?? '')) moving.add(target)
  }).observe(document, { subtree: true, childList: true, characterData: true, attributes: true })
  for (const name of ['invalid', 'copy', 'toggle']) {
    document.addEventListener(name, () => events.push(name), { capture: true })
  }
  const write = navigator.clipboard?.writeText.bind(navigator.clipboard)
  if (write) {
    navigator.clipboard.writeText = (text) => {
      events.push('clipboard')
      return write(text)
    }
  }

  const presses: Presses = {
    controls: (skip) => usable(skip).map(describe),
    mark(kind, skip) {
      for (const other of document.querySelectorAll('[data-pressed-next]')) other.removeAttribute('data-pressed-next')
      const found = usable(skip).find((element) => describe(element).kind === kind)
      found?.setAttribute('data-pressed-next', '')
      return found !== undefined
    },
    depth: () => open().length,
    rest() {
      moving = new WeakSet()
      isResting = true
    },
    begin() {
      isResting = false
      events = []
      before = serial(document.documentElement)
      placed = scrolled()
    },
    follows() {
      const found = [...events]
      if (serial(document.documentElement) !== before) found.push('document')
      if (scrolled() !== placed) found.push('scroll')
      return found
    },
  }
  Object.assign(globalThis, { presses })
}
