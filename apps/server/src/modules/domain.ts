import type { DynamicModule, FactoryProvider } from '@nestjs/common'

type Class<T> = abstract new (...args: never[]) => T
type Instances<C extends readonly Class<unknown>[]> = { [I in keyof C]: C[I] extends Class<infer T> ? T : never }

/** Says how one service is built from others: `provide(Runs, [Kernel, Hosts], (kernel, hosts) => new Runs({ … }))`. */
export const provide = <T, const C extends readonly Class<unknown>[]>(
  service: Class<T>,
  needs: C,
  build: (...parts: Instances<C>) => T | Promise<T>,
): FactoryProvider => ({ provide: service, inject: [...needs], useFactory: build as FactoryProvider['useFactory'] })

/** A module of one domain. Its services are seen by every other module: walls stand between folders, not here. */
export const domain = (module: DynamicModule['module'], providers: FactoryProvider[]): DynamicModule => ({
  module,
  global: true,
  providers,
  exports: providers.map((provider) => provider.provide),
})
