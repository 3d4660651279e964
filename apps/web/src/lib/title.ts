import { type MaybeRefOrGetter, onScopeDispose, toValue, watchEffect } from 'vue'

/** Names the page: `Run 4 · shop · Juanie`. The most particular first, since a tab shows little. */
export function useTitle(...parts: MaybeRefOrGetter<string | null | undefined>[]): void {
  watchEffect(() => {
    document.title = [...parts.map((part) => toValue(part)), 'Juanie'].filter(Boolean).join(' · ')
  })
  onScopeDispose(() => {
    document.title = 'Juanie'
  })
}

/** The icon of the tab says when a project fails, also while nobody looks at the tab. */
export function useFavicon(isFailing: MaybeRefOrGetter<boolean>): void {
  const show = (name: string) => document.querySelector('link[rel=icon]')?.setAttribute('href', `/${name}.svg`)
  watchEffect(() => show(toValue(isFailing) ? 'favicon-failing' : 'favicon'))
  onScopeDispose(() => show('favicon'))
}
