import { expect, test } from 'vitest'
import { literalsOf, readComponent, readSources } from './sources.ts'

const component = `<script setup lang="ts">
const label = isOpen ? 'runs.open' : 'runs.closed'
throw new Error('Nobody reads this')
</script>

<template>
  <h1 title="Hovered" class="not words">Shown <b v-if="can('run.start')">bold</b></h1>
  <p v-for="(row, index) in rows" :key="row.id" :aria-label="t('runs.row', { index })">{{ t(\`runs.kind.\${row.kind}\`) }}</p>
  <Part v-slot="{ id }" @done="say(t(isGood ? 'runs.good' : 'runs.bad'))">{{ id }}</Part>
</template>
`

test('text between tags and in what is read is found, with its line', () => {
  const { shown } = readComponent('Some.vue', component)
  expect(shown).toEqual([
    { where: 'Some.vue:7', attribute: 'title', text: 'Hovered' },
    { where: 'Some.vue:7', attribute: null, text: 'Shown' },
    { where: 'Some.vue:7', attribute: null, text: 'bold' },
  ])
})

test('literals are found with the function that they are given to', () => {
  const { strings, patterns } = literalsOf(readComponent('Some.vue', component).pieces)
  expect(strings.map(({ text, of, where }) => [text, of, where])).toEqual([
    ['runs.open', null, 'Some.vue:2'],
    ['runs.closed', null, 'Some.vue:2'],
    ['Nobody reads this', 'Error', 'Some.vue:3'],
    ['run.start', 'can', 'Some.vue:7'],
    ['runs.row', 't', 'Some.vue:8'],
    ['runs.good', 't', 'Some.vue:9'],
    ['runs.bad', 't', 'Some.vue:9'],
  ])
  expect(patterns.map(({ text, of }) => [text, of])).toEqual([['runs.kind.*', 't']])
})

test('the console itself is read', () => {
  const { pieces, shown } = readSources()
  expect(new Set(pieces.map(({ file }) => file)).size).toBeGreaterThan(60)
  expect(shown.some(({ text }) => text === 'Juanie')).toBe(true)
})
