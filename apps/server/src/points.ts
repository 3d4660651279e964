import { connectionPoints } from '@juanie/services/connections'
import { deploymentPoints } from '@juanie/services/deployments'
import { projectPoints } from '@juanie/services/projects'
import { releasePoints } from '@juanie/services/releases'
import { pushPoints } from '@juanie/services/repositories'
import { runPoints } from '@juanie/services/runs'
import { secretPoints } from '@juanie/services/secrets'
import { storagePoints } from '@juanie/services/storage'
import { deliveryPoints } from '@juanie/services/webhooks'

/** Every place at which a test may kill the server. */
export const serverPoints: readonly string[] = [
  ...pushPoints,
  ...runPoints,
  ...storagePoints,
  ...releasePoints,
  ...deploymentPoints,
  ...projectPoints,
  ...secretPoints,
  ...connectionPoints,
  ...deliveryPoints,
]
