import { Queue } from 'bullmq'

export const used = Queue
