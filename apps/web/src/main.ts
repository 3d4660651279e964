import { VueQueryPlugin } from '@tanstack/vue-query'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { askEarly } from './features/overview/ask-early.ts'
import { i18n, loadLanguage, preferredLanguage } from './lib/i18n.ts'
import { queryClient } from './lib/queries.ts'
import { router } from './router.ts'
import './styles/main.css'

void askEarly(location.pathname)
const app = createApp(App)
app.use(createPinia())
app.use(VueQueryPlugin, { queryClient })
app.use(i18n)
app.use(router)
// Not awaited at the top of the file: the build could then not join its files.
void loadLanguage(preferredLanguage()).then(() => app.mount('#app'))
