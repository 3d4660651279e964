// Before the first paint, so that a dark page never flashes white. A file of its own: the policy allows no inline script.
try {
  const chosen = localStorage.getItem('juanie.theme')
  const isDark = chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches
  document.documentElement.classList.toggle('dark', isDark)
} catch {
  // Storage may be forbidden; the page is light then.
}
