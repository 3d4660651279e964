import { defineAsyncComponent } from 'vue'

/** Loaded when it is opened for the first time: show it with `v-if`, and give it `v-model:open`. */
export const CreateEnvironmentDialog = defineAsyncComponent(() => import('./CreateEnvironmentDialog.vue'))
