import { VueQueryPlugin } from '@tanstack/vue-query'
import { createPinia } from 'pinia'
import { createApp } from 'vue'
import App from './App.vue'
import { i18n, loadLanguage, preferredLanguage } from './lib/i18n.ts'
import { queryClient } from './lib/queries.ts'
import { router } from './router.ts'
import './styles/main.css'

const app = createApp(App)
app.use(createPinia())
app.use(VueQueryPlugin, { queryClient })
app.use(i18n)
app.use(router)
await loadLanguage(preferredLanguage())
app.mount('#app')
