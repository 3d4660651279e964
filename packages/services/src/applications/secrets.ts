import { AppError } from '@juanie/core/errors'
import type { Said } from '@juanie/workflow/say'
import type { Application, Command, Migration, Service } from './contract.ts'
import type { Finding } from './problems.ts'
import { said } from './sentences.ts'

/**
 * A secret stands in the model by name. Braces with a colon are no variable of Compose, so nothing that was filled in
 * from a description looks like this by chance.
 */
export const secretPlaceholder = (name: string): string => `\${secret:${name}}`

const placeholder = /\$\{secret:([A-Za-z_][A-Za-z0-9_]*)\}/g

const namesIn = (text: string): string[] => [...text.matchAll(placeholder)].map(([, name]) => name as string)

export function secretsIn(services: readonly Service[], migrate: Migration | null): string[] {
  const environments = [...services, ...(migrate === null ? [] : [migrate])].map(({ environment }) => environment)
  return [...new Set(environments.flatMap((one) => Object.values(one)).flatMap(namesIn))].sort()
}

/** Whatever is not the environment of a process can be seen by others: arguments, paths, hostnames. */
export function misplacedSecrets({
  services,
  migrate,
}: {
  services: readonly Service[]
  migrate: Migration | null
}): Finding[] {
  const findings: Finding[] = []
  const look = (where: Said, value: unknown) => {
    for (const name of new Set(namesIn(JSON.stringify(value))))
      findings.push({
        reason: 'application.secret_in_command',
        said: said('secretSeen', { where, name }),
      })
  }
  for (const { environment, command, ...rest } of services) {
    look(said('inCommand', { name: rest.name }), command satisfies Command)
    look(said('inSetting', { name: rest.name }), rest)
    look(said('inVariableName', { name: rest.name }), Object.keys(environment))
  }
  if (migrate !== null) look(said('inMigration'), migrate.command)
  return findings
}

/**
 * The application with its secrets in place, for the process that is about to start; it is never stored or shown. A
 * secret without a value refuses, because an application that starts without it would be another one.
 */
export function fillSecrets(application: Application, values: Readonly<Record<string, string>>): Application {
  const expected = new Set(application.secrets)
  const fill = (environment: Record<string, string>): Record<string, string> =>
    Object.fromEntries(
      Object.entries(environment).map(([key, text]) => [
        key,
        text.replace(placeholder, (whole, name: string) => {
          if (!expected.has(name)) return whole
          if (!Object.hasOwn(values, name))
            throw new AppError('invalid', 'application.secret_missing', {
              message: `The secret ${name} has no value.`,
              details: { secret: name },
            })
          return values[name] as string
        }),
      ]),
    )
  const { services, migrate } = application
  return {
    ...application,
    services: services.map((service) => ({ ...service, environment: fill(service.environment) })),
    migrate: migrate === null ? null : { ...migrate, environment: fill(migrate.environment) },
  }
}
