import { expect, test } from 'vitest'
import { namesOf, parseEnvFile, parseRawEnvFile } from './env-file.ts'
import { Problems } from './problems.ts'

const given: Record<string, string> = { GIVEN: 'yes' }
function read(text: string) {
  const problems = new Problems()
  const values = Object.fromEntries(parseEnvFile('app.env', text, (name) => given[name], problems))
  return { values, problems: problems.list.map(({ line, message }) => `${line}: ${message}`) }
}

test('names, values, comments, export and both line ends', () => {
  const { values, problems } = read('# first\n\nA=1\r\nexport B = two words # said\nC=\nD=a#b\n  E: colon\n')
  expect(values).toEqual({ A: '1', B: 'two words', C: '', D: 'a#b', E: 'colon' })
  expect(problems).toEqual([])
})

test('double quotes know escapes and variables, single quotes take everything as it is', () => {
  const { values } = read('A="a\\tb\\"c\\\\ $GIVEN \\$GIVEN"\nB=\'$GIVEN \\n\'\nC="two\nlines" # end')
  expect(values).toEqual({ A: 'a\tb"c\\ yes $GIVEN', B: '$GIVEN \\n', C: 'two\nlines' })
})

test('a value may use what was given, and names above it', () => {
  expect(read('HOSTNAME=db\nURL=${SCHEME:-http}://$HOSTNAME/${GIVEN}').values.URL).toBe('http://db/yes')
})

test('a name alone passes on what was given', () => {
  expect(read('GIVEN\nOTHER\n').values).toEqual({ GIVEN: 'yes' })
})

test('what is no line of an env file is named with its line', () => {
  expect(read('A=1\nwhat is this\n').problems).toEqual(['2: `what is this` is not a line of the form NAME=value.'])
  expect(read('\n\nA="open\nB=2').problems).toEqual(['3: The value of A begins with " and never ends.'])
  expect(read('A="a"b').problems).toEqual(['1: The value of A goes on after its closing quote.'])
  expect(read('A=${B').problems[0]).toMatch(/^1: `\$\{B` is not a variable/)
})

test('the raw format takes every value as it stands', () => {
  expect(Object.fromEntries(parseRawEnvFile('A="$X" # y\n#c\nB=\n'))).toEqual({ A: '"$X" # y', B: '' })
})

test('an example file lists names', () => {
  expect(namesOf('# Database\nDATABASE_URL=postgres://\nexport KEY=\n# OLD=1\nKEY=2')).toEqual(['DATABASE_URL', 'KEY'])
})
