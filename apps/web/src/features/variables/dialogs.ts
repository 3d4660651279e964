import { defineAsyncComponent } from 'vue'

/** Loaded when the first one is opened: show them with `v-if`, and give them `v-model:open`. */
export const SetDialog = defineAsyncComponent(() => import('./SetDialog.vue'))
export const DeleteDialog = defineAsyncComponent(() => import('./DeleteDialog.vue'))
