import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { parse as parseComponent } from 'vue/compiler-sfc'

const root = fileURLToPath(new URL('..', import.meta.url))

/** A piece of TypeScript with the file and the line that it stands in. */
interface Piece {
  file: string
  line: number
  code: string
  /** A template's expression and not a script. */
  isTemplate: boolean
}

/** Text that a template shows as it stands. */
interface Shown {
  where: string
  /** The attribute, or null for a text between tags. */
  attribute: string | null
  text: string
}

interface Source {
  pieces: Piece[]
  shown: Shown[]
}

/** Attributes and properties that a person reads or hears. */
const readable = new Set([
  'title',
  'alt',
  'placeholder',
  'aria-label',
  'aria-description',
  'aria-roledescription',
  'aria-valuetext',
  'label',
  'text',
  'hint',
])

interface TemplateNode {
  type: number
  tag?: string
  content?: unknown
  props?: TemplateProp[]
  children?: TemplateNode[]
  loc: { start: { line: number }; source: string }
}
interface TemplateProp {
  type: number
  name: string
  value?: { content: string }
  arg?: { content: string }
  exp?: { loc: { source: string } }
  loc: { start: { line: number } }
}
// https://github.com/vuejs/core/blob/main/packages/compiler-core/src/ast.ts, `NodeTypes`.
const [textNode, interpolation, attribute, directive] = [2, 5, 6, 7]

export function readComponent(file: string, content: string): Source {
  const { descriptor, errors } = parseComponent(content, { filename: file, ignoreEmpty: false })
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]!.message}`)
  const source: Source = { pieces: [], shown: [] }
  for (const script of [descriptor.script, descriptor.scriptSetup]) {
    if (script) source.pieces.push({ file, line: script.loc.start.line, code: script.content, isTemplate: false })
  }
  const expression = (code: string, line: number) => source.pieces.push({ file, line, code, isTemplate: true })
  const walk = (node: TemplateNode) => {
    const { line } = node.loc.start
    if (node.type === textNode && typeof node.content === 'string') {
      source.shown.push({ where: `${file}:${line}`, attribute: null, text: node.content.trim() })
    }
    if (node.type === interpolation) expression(node.loc.source.replace(/^\{\{|\}\}$/g, ''), line)
    for (const prop of node.props ?? []) {
      if (prop.type === attribute && readable.has(prop.name) && prop.value) {
        source.shown.push({
          where: `${file}:${prop.loc.start.line}`,
          attribute: prop.name,
          text: prop.value.content.trim(),
        })
      }
      if (prop.type === directive) {
        // `:name` alone means `:name="name"`, which holds no words.
        if (prop.exp) expression(prop.exp.loc.source, prop.loc.start.line)
      }
    }
    for (const child of node.children ?? []) walk(child)
  }
  if (descriptor.template?.ast) walk(descriptor.template.ast as unknown as TemplateNode)
  return source
}

/** Everything of the console that could hold words, but for the catalogues themselves and the tests. */
export function readSources(): Source {
  const files = (readdirSync(root, { recursive: true }) as string[]).filter(
    (file) => /\.(vue|ts)$/.test(file) && !/\.test\.ts$/.test(file) && !/^(locales|testing)\//.test(file),
  )
  const all: Source = { pieces: [], shown: [] }
  for (const file of files.sort()) {
    const content = readFileSync(join(root, file), 'utf8')
    const found = file.endsWith('.vue')
      ? readComponent(file, content)
      : { pieces: [{ file, line: 1, code: content, isTemplate: false }], shown: [] }
    all.pieces.push(...found.pieces)
    all.shown.push(...found.shown)
  }
  return all
}

/** A literal of the code, with what it is the argument or the value of. */
interface Literal {
  where: string
  text: string
  /** `t`, `te`, `can`, `Error` …: the function that it is given to. */
  of: string | null
  isTemplate: boolean
}

interface Literals {
  /** Plain strings, also templates without anything in them. */
  strings: Literal[]
  /** Templates with something in them; each of those is a `*`. */
  patterns: Literal[]
}

const nameOfCall = (node: ts.Node): string | null => {
  let at: ts.Node = node
  // Through `a ? 'x' : 'y'`, `a ?? 'x'` and brackets.
  while (
    at.parent &&
    (ts.isConditionalExpression(at.parent) ||
      ts.isParenthesizedExpression(at.parent) ||
      (ts.isBinaryExpression(at.parent) &&
        [
          ts.SyntaxKind.BarBarToken,
          ts.SyntaxKind.QuestionQuestionToken,
          ts.SyntaxKind.AmpersandAmpersandToken,
        ].includes(at.parent.operatorToken.kind)))
  )
    at = at.parent
  const { parent } = at
  if (!parent || !(ts.isCallExpression(parent) || ts.isNewExpression(parent)) || parent.expression === at) return null
  const callee = parent.expression
  return ts.isIdentifier(callee) ? callee.text : ts.isPropertyAccessExpression(callee) ? callee.name.text : null
}

export function literalsOf(pieces: Piece[]): Literals {
  const found: Literals = { strings: [], patterns: [] }
  for (const piece of pieces) {
    const source = ts.createSourceFile(piece.file, piece.code, ts.ScriptTarget.Latest, true, ts.ScriptKind.TS)
    const visit = (node: ts.Node): void => {
      const line = () => piece.line + source.getLineAndCharacterOfPosition(node.getStart(source)).line
      const literal = (text: string): Literal => ({
        where: `${piece.file}:${line()}`,
        text,
        of: nameOfCall(node),
        isTemplate: piece.isTemplate,
      })
      if (ts.isImportDeclaration(node) || ts.isTypeNode(node)) return
      if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node)) found.strings.push(literal(node.text))
      if (ts.isTemplateExpression(node)) {
        found.patterns.push(
          literal(node.head.text + node.templateSpans.map(({ literal: part }) => `*${part.text}`).join('')),
        )
      }
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return found
}
