import { defineStore } from 'pinia'
import { ref } from 'vue'
import { keep, readKept } from './storage.ts'

export const themes = ['system', 'light', 'dark'] as const
export type Theme = (typeof themes)[number]

const key = 'juanie.theme'
const system = matchMedia('(prefers-color-scheme: dark)')

/** Light, dark, or what the system says; `theme.js` reads the same key before the first paint. */
export const useTheme = defineStore('theme', () => {
  const kept = readKept(key)
  const theme = ref<Theme>(kept === 'light' || kept === 'dark' ? kept : 'system')
  const apply = () => {
    const isDark = theme.value === 'system' ? system.matches : theme.value === 'dark'
    document.documentElement.classList.toggle('dark', isDark)
  }
  system.addEventListener('change', apply)
  const choose = (chosen: Theme) => {
    theme.value = chosen
    keep(key, chosen === 'system' ? null : chosen)
    apply()
  }
  return { theme, choose }
})
