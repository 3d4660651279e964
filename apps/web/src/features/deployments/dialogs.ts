import { defineAsyncComponent } from 'vue'

/**
 * The ways to change what runs, for every page that offers them. Loaded when the first one is opened: show them with
 * `v-if`, and give them `v-model:open`.
 *
 * - `DeployDialog`: `environment?` its name, `release?` its number; either can be chosen in it.
 * - `PromoteDialog`: `environment` where it is taken from, `to?` where it goes.
 * - `RollbackDialog`: `environment`, `to?` number of the earlier deployment.
 */
export const DeployDialog = defineAsyncComponent(() => import('./DeployDialog.vue'))
export const PromoteDialog = defineAsyncComponent(() => import('./PromoteDialog.vue'))
export const RollbackDialog = defineAsyncComponent(() => import('./RollbackDialog.vue'))
