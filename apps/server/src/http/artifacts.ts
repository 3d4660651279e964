import { notFound } from '@juanie/core/errors'
import { RunArtifacts } from '@juanie/services/artifacts'
import { StoredFiles } from '@juanie/services/storage'
import type { FastifyInstance } from 'fastify'
import type { HttpDeps } from './deps.ts'

interface One {
  Params: { projectId: string; artifact: string }
}

/** What a run left: `GET /api/projects/<id>/artifacts/<id>`, as a file to keep and never as a page. */
export function registerArtifacts(fastify: FastifyInstance, { get, door, sessionOf }: HttpDeps): void {
  const artifacts = get(RunArtifacts)
  const files = get(StoredFiles)

  fastify.get<One>(
    '/api/projects/:projectId/artifacts/:artifact',
    { exposeHeadRoute: false },
    async (request, reply) => {
      const scope = await door.project(await sessionOf(request), request.params.projectId, 'artifact.view')
      const artifact = await artifacts.find(scope, request.params.artifact)
      const file = await files.read(artifact.fileId)
      if (!file) throw notFound('artifact')
      const isZip = artifact.mimeType === 'application/zip'
      const name = isZip ? `${artifact.name}.zip` : artifact.name
      return reply
        .type(isZip ? 'application/zip' : 'application/octet-stream')
        .header('content-length', file.bytes)
        .header('cache-control', 'private, no-store')
        .header('x-content-type-options', 'nosniff')
        .header('content-security-policy', "sandbox; default-src 'none'")
        .header('content-disposition', `attachment; filename*=UTF-8''${encodeURIComponent(name)}`)
        .send(file.content())
    },
  )
}
