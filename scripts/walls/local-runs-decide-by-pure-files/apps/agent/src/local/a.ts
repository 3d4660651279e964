export { Runs } from '../../../../packages/services/src/runs/index.ts'
