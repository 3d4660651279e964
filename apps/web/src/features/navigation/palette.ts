import { ref } from 'vue'

export const isPaletteOpen = ref(false)
export const openPalette = (): void => {
  isPaletteOpen.value = true
}

export const isSheetOpen = ref(false)

/** What was chosen in the palette and is asked for in a dialog. */
export type Wanted = { kind: 'deploy' } | { kind: 'promote' | 'rollback'; environment: string }
export const wanted = ref<Wanted | null>(null)
